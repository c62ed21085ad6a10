// SPDX-License-Identifier: GPL-2.0
#include "accept.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"

int accept_next(int listener, const char *source)
{
	static struct log_limit limit;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err = fd < 0 ? -errno : 0;

	if (accept_starved(err))
		log_guest(&limit, source, "a connection has to wait: %s",
			  strerror(-err));
	return err ? err : fd;
}

/* All else is of the one connection, which is gone then, or of none. */
bool accept_starved(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS ||
	       err == -ENOMEM;
}
