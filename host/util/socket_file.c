// SPDX-License-Identifier: GPL-2.0
#include "socket_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

__attribute__((format(printf, 4, 5))) static int say(char *why, size_t len,
						     int err, const char *fmt,
						     ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, len, fmt, args);
	va_end(args);
	return err;
}

/*
 * Asked with a type that nobody here serves: a socket in use answers EPROTOTYPE,
 * where the right type would make a connection, and its server take this process
 * for a client.
 */
static bool in_use(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return true;
	refused = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

static int make_room(const struct sockaddr_un *addr, char *why, size_t why_len)
{
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return say(why, why_len, -EEXIST,
			   "%s exists and is no socket: choose another path",
			   path);
	if (in_use(addr))
		return say(
			why, why_len, -EADDRINUSE,
			"%s belongs to a running program: choose another path",
			path);
	unlink(path);
	return 0;
}

int socket_file_bind(struct socket_file *f, int fd, const char *path, char *why,
		     size_t why_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	struct stat st;
	int err;

	*f = (struct socket_file){ .path = NULL };
	if (!len || len >= sizeof(addr.sun_path))
		return say(why, why_len, -ENAMETOOLONG,
			   "'%s' is no path of a socket: it has 1 to %zu bytes",
			   path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, len);
	err = make_room(&addr, why, why_len);
	if (err)
		return err;
	/* The file's mode is made from the socket's. */
	if (fchmod(fd, 0600) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		return say(why, why_len, err, "cannot make %s: %s", path,
			   err == -ENOENT ?
				   "its folder does not exist (mkdir it)" :
				   strerror(-err));
	}
	f->path = strdup(path);
	if (!f->path || lstat(path, &st)) {
		unlink(path);
		free(f->path);
		f->path = NULL;
		return say(why, why_len, -ENOMEM, "out of memory");
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return 0;
}

void socket_file_remove(struct socket_file *f)
{
	struct stat st;

	if (f->path && !lstat(f->path, &st) && st.st_dev == f->dev &&
	    st.st_ino == f->ino)
		unlink(f->path);
	free(f->path);
	*f = (struct socket_file){ .path = NULL };
}
