/* SPDX-License-Identifier: GPL-2.0 */
/* A Unix socket's file, which this process makes and in the end removes. */
#ifndef UTIL_SOCKET_FILE_H
#define UTIL_SOCKET_FILE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct socket_file {
	char *path; /* NULL: there is none */
	dev_t dev;  /* only the file that we made is removed */
	ino_t ino;
};

/* 0 or -ENAMETOOLONG, then *why says so. */
int socket_file_address(const char *path, struct sockaddr_un *addr, char *why,
			size_t why_len);

/*
 * Binds the socket to a file of mode 0600.  One left there by a process that was
 * killed gives way; one in use does not, and whoever serves it does not notice.
 * 0 or -errno, then *why says what is wrong and how to mend it.
 */
int socket_file_bind(struct socket_file *f, int fd, const char *path, char *why,
		     size_t why_len);
void socket_file_remove(struct socket_file *f);

#endif
