// SPDX-License-Identifier: GPL-2.0
#include "socket_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "why.h"

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
		return explain(
			-EEXIST, why, why_len,
			"%s exists and is no socket: choose another path",
			path);
	if (in_use(addr))
		return explain(
			-EADDRINUSE, why, why_len,
			"%s belongs to a running program: choose another path",
			path);
	unlink(path);
	return 0;
}

int socket_file_address(const char *path, struct sockaddr_un *addr, char *why,
			size_t why_len)
{
	size_t len = strlen(path);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len || len >= sizeof(addr->sun_path))
		return explain(
			-ENAMETOOLONG, why, why_len,
			"'%s' is no path of a socket: it has 1 to %zu bytes",
			path, sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, len);
	return 0;
}

int socket_file_bind(struct socket_file *f, int fd, const char *path, char *why,
		     size_t why_len)
{
	struct sockaddr_un addr;
	struct stat st;
	int err;

	*f = (struct socket_file){ .path = NULL };
	err = socket_file_address(path, &addr, why, why_len);
	if (err)
		return err;
	err = make_room(&addr, why, why_len);
	if (err)
		return err;
	/* The file's mode is made from the socket's. */
	if (fchmod(fd, 0600) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		return explain(err, why, why_len, "cannot make %s: %s", path,
			       err == -ENOENT ?
				       "its folder does not exist (mkdir it)" :
				       strerror(-err));
	}
	f->path = strdup(path);
	if (!f->path || lstat(path, &st)) {
		unlink(path);
		free(f->path);
		f->path = NULL;
		return explain(-ENOMEM, why, why_len, "out of memory");
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
