// SPDX-License-Identifier: GPL-2.0
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 16
#define TRIES	  16
#define WRITE	  (O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)

/* A name's folder with the slash behind it, which may be nothing. */
static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 - path : 0;
}

const char *out_file_error(int err)
{
	if (err == -ELOOP)
		return "its link is somebody else's, or has no end";
	if (err == -ENXIO)
		return "nobody reads from it: start that first";
	return strerror(-err);
}

/* ---- where a name leads ---- */

/* A link in /proc, which is no text: one of our descriptors, or -ELOOP. */
static int own_descriptor(const char *path)
{
	char folder[PATH_MAX], given[PATH_MAX], own[PATH_MAX], *end;
	unsigned long n;

	snprintf(folder, sizeof(folder), "%.*s", (int)folder_len(path), path);
	n = strtoul(path + folder_len(path), &end, 10);
	if (*end || n > INT_MAX || !realpath(folder, given) ||
	    !realpath("/proc/self/fd", own) || strcmp(given, own))
		return -ELOOP;
	return n;
}

/* What is held by `fd`, and named `path`: 1 if it is a link, then *path and *own
 * are where it leads. */
static int follow(int fd, char path[PATH_MAX], int *own)
{
	char text[PATH_MAX], next[PATH_MAX];
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int len;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	if (st.st_uid && st.st_uid != geteuid())
		return -ELOOP;
	if (fs.f_type == PROC_SUPER_MAGIC) {
		*own = own_descriptor(path);
		return *own < 0 ? *own : 0;
	}
	n = readlinkat(fd, "", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	len = snprintf(next, sizeof(next), "%.*s%s",
		       text[0] == '/' ? 0 : (int)folder_len(path), path, text);
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, next, len + 1);
	return 1;
}

/* To a name that is no link, or to one of our descriptors: then *own >= 0. */
static int resolve(const char *name, char path[PATH_MAX], int *own)
{
	unsigned int i;
	int err = 1, fd;

	*own = -1;
	if (strlen(name) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(path, name);
	for (i = 0; i < LINKS_MAX && err > 0; i++) {
		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? 0 : -errno;
		err = follow(fd, path, own);
		close(fd);
	}
	return err > 0 ? -ELOOP : err;
}

/* ---- opening ---- */

char *out_file_beside(const char *path)
{
	uint64_t lot;
	char *name;

	if (getrandom(&lot, sizeof(lot), 0) != sizeof(lot) ||
	    asprintf(&name, "%.*s.%016llx", (int)folder_len(path), path,
		     (unsigned long long)lot) < 0)
		return NULL;
	return name;
}

static int make(struct out_file *f, mode_t mode)
{
	int err = -EEXIST, i;

	for (i = 0; i < TRIES && err == -EEXIST; i++) {
		f->making = out_file_beside(f->path);
		if (!f->making)
			return -ENOMEM;
		f->fd = open(f->making, WRITE | O_CREAT | O_EXCL, mode);
		if (f->fd >= 0)
			return 0;
		err = -errno;
		free(f->making);
		f->making = NULL;
	}
	return err;
}

/* Nobody else can look into it, nor was it put there to be ruined by us. */
static bool is_own_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       st->st_nlink == 1;
}

static int use_own(struct out_file *f)
{
	struct stat st;

	f->fd = open(f->path, WRITE);
	if (f->fd < 0 || fstat(f->fd, &st))
		return -errno;
	if (!is_own_file(&st))
		return -EACCES;
	return ftruncate(f->fd, 0) ? -errno : 0;
}

static int use_device(struct out_file *f)
{
	struct stat st;

	/* To wait for a FIFO's reader, or a modem, might be for ever. */
	f->fd = open(f->path, WRITE | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st) || fcntl(f->fd, F_SETFL, 0))
		return -errno;
	/* It was none when we looked. */
	return S_ISREG(st.st_mode) ? -EEXIST : 0;
}

static bool no_folder(int err)
{
	return err == -EACCES || err == -EPERM || err == -EROFS;
}

static int open_path(struct out_file *f, mode_t mode)
{
	struct stat st;
	int err;

	f->fresh = lstat(f->path, &st);
	if (!f->fresh && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!f->fresh && !S_ISREG(st.st_mode))
		return use_device(f);
	err = make(f, mode);
	return !f->fresh && no_folder(err) ? use_own(f) : err;
}

int out_file_open(struct out_file *f, const char *path, mode_t mode)
{
	char real[PATH_MAX];
	int own, err = resolve(path, real, &own);

	*f = (struct out_file){ .fd = -1 };
	if (err)
		return err;
	if (own >= 0) {
		f->fd = fcntl(own, F_DUPFD_CLOEXEC, 3);
		return f->fd < 0 ? -errno : 0;
	}
	f->path = strdup(real);
	err = f->path ? open_path(f, mode) : -ENOMEM;
	if (err)
		out_file_close(f);
	return err;
}

int out_file_check(const char *path)
{
	char real[PATH_MAX], folder[PATH_MAX];
	struct stat st;
	int own, err = resolve(path, real, &own);

	if (err)
		return err;
	if (own >= 0)
		return fcntl(own, F_GETFD) < 0 ? -errno : 0;
	err = lstat(real, &st) ? -errno : 0;
	if (!err && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!err && !S_ISREG(st.st_mode))
		return access(real, W_OK) ? -errno : 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)folder_len(real), real);
	if (!access(*folder ? folder : ".", W_OK | X_OK))
		return 0;
	return !err && no_folder(-errno) && is_own_file(&st) ? 0 : -errno;
}

int out_file_place(struct out_file *f)
{
	if (f->making && rename(f->making, f->path))
		return -errno;
	free(f->making);
	f->making = NULL;
	return 0;
}

/* ---- the end ---- */

int out_file_close(struct out_file *f)
{
	int err = 0;

	if (f->fd >= 0 && close(f->fd))
		err = -errno;
	if (f->making)
		unlink(f->making);
	free(f->making);
	free(f->path);
	*f = (struct out_file){ .fd = -1 };
	return err;
}

void out_file_remove(struct out_file *f)
{
	struct stat ours, there;

	/* What is there by now may be another one. */
	if (f->fresh && !f->making && f->path && !fstat(f->fd, &ours) &&
	    !lstat(f->path, &there) && ours.st_dev == there.st_dev &&
	    ours.st_ino == there.st_ino)
		unlink(f->path);
	out_file_close(f);
}
