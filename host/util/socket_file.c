// SPDX-License-Identifier: GPL-2.0
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "out_file.h"
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

/*
 * Takes that one away, and nothing that has come to its place since.  A name that
 * is somebody's again is only gone for a moment.
 */
static int take_away(const char *path, const struct stat *old)
{
	char *aside = out_file_beside(path);
	int err = aside ? 0 : -ENOMEM;
	struct stat st;

	if (!err && rename(path, aside))
		err = errno == ENOENT ? 0 : -errno;
	else if (!err && !lstat(aside, &st) && st.st_dev == old->st_dev &&
		 st.st_ino == old->st_ino)
		err = unlink(aside) ? -errno : 0;
	else if (!err)
		err = renameat2(AT_FDCWD, aside, AT_FDCWD, path,
				RENAME_NOREPLACE) ?
			      -errno :
			      -EADDRINUSE;
	free(aside);
	return err;
}

/* What is there, held by `fd`, so that no other file gets its number. */
static int look(const struct sockaddr_un *addr, int fd, char *why,
		size_t why_len)
{
	const char *path = addr->sun_path;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return explain(-errno, why, why_len, "%s: %s", path,
			       strerror(errno));
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
	err = take_away(path, &st);
	if (err)
		explain(err, why, why_len, "cannot take %s over: %s", path,
			err == -EADDRINUSE ? "somebody else just has" :
					     strerror(-err));
	return err;
}

static int make_room(const struct sockaddr_un *addr, char *why, size_t why_len)
{
	int fd = open(addr->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC), err;

	/* Nothing, or what bind() will complain of. */
	if (fd < 0)
		return 0;
	err = look(addr, fd, why, why_len);
	close(fd);
	return err;
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
