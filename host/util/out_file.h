/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that are written under a name which somebody gave, in folders where others
 * may have put something under that name before.
 *
 * A file is made anew, under a name that nobody can foresee, and comes to its place
 * by out_file_place(): until then, what is there stays as it is.  In a folder where
 * none can be made, one of this user's is emptied and used.  What is no file (a
 * FIFO, a terminal, /dev/null) is written as it is, and /dev/stdout, /dev/stderr
 * and /dev/fd/N are what this process has open.  Of links only root's and this
 * user's own are followed.
 */
#ifndef UTIL_OUT_FILE_H
#define UTIL_OUT_FILE_H

#include <stdbool.h>
#include <sys/types.h>

struct out_file {
	int fd;	      /* for writing */
	char *path;   /* where it belongs, links followed */
	char *making; /* its name until it is there; NULL: it is */
	bool fresh;   /* nothing was there before */
};

/* All: 0 or -errno; -ELOOP: somebody else's link; -ENXIO: a FIFO without a reader.
 * Any thread. */

/* What is wrong, for people. */
const char *out_file_error(int err);
/* Could it be written?  What there is stays as it is. */
int out_file_check(const char *path);
/* `mode` is open(2)'s.  To be ended by one of the two below. */
int out_file_open(struct out_file *f, const char *path, mode_t mode);
int out_file_place(struct out_file *f);
/* 0 or what close(2) says.  One that is not in its place vanishes. */
int out_file_close(struct out_file *f);
/* Instead: one that was not there before goes. */
void out_file_remove(struct out_file *f);
/* A name beside `path` which nobody can foresee, to be freed; NULL: no memory. */
char *out_file_beside(const char *path);

#endif
