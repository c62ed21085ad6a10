// SPDX-License-Identifier: GPL-2.0
/*
 * A filter which lets chosen requests fail, or hang until the disk goes away,
 * so that the error paths of guests (and of our own VSP) can be tested.
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "disk_var.h"

#define FAULT_SECTOR  512u

/* Bits of fault.ops. */
#define FAULT_READ    1u
#define FAULT_WRITE   2u /* zeros as well */
#define FAULT_FLUSH   4u
#define FAULT_DISCARD 8u
#define FAULT_ANY     15u

struct fault {
	struct disk disk;
	struct disk *lower;
	unsigned int ops;
	int err;	      /* 0: hang */
	uint64_t after;	      /* matching requests that pass first */
	uint64_t count;	      /* faults at most */
	uint64_t every;	      /* then each n-th that matches */
	uint64_t from, to;    /* bytes touched, [from, to) */
	pthread_mutex_t lock; /* all below */
	uint64_t seen, done;
	struct disk_req *held; /* linked by private[0] */
};

static const struct {
	const char *name;
	int err;
} errors[] = {
	{ "EIO", EIO },		{ "ENOSPC", ENOSPC },
	{ "EROFS", EROFS },	{ "ENODEV", ENODEV },
	{ "ENXIO", ENXIO },	{ "ETIMEDOUT", ETIMEDOUT },
	{ "ENOMEM", ENOMEM },	{ "EDQUOT", EDQUOT },
	{ "EFBIG", EFBIG },	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ "EBADMSG", EBADMSG }, { "EILSEQ", EILSEQ },
	{ "hang", 0 },
};

static const struct {
	const char *name;
	unsigned int bits;
} ops[] = {
	{ "read", FAULT_READ },	      { "write", FAULT_WRITE },
	{ "flush", FAULT_FLUSH },     { "any", FAULT_ANY },
	{ "discard", FAULT_DISCARD },
};

static unsigned int op_bit(enum disk_op op)
{
	switch (op) {
	case DISK_READ:
		return FAULT_READ;
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
		return FAULT_WRITE;
	case DISK_FLUSH:
		return FAULT_FLUSH;
	case DISK_DISCARD:
		return FAULT_DISCARD;
	}
	return 0;
}

/* f->lock is held. */
static bool fault_hits(struct fault *f, const struct disk_req *req)
{
	uint64_t n;

	if (!(f->ops & op_bit(req->op)))
		return false;
	if (req->op != DISK_FLUSH &&
	    (req->offset >= f->to || req->offset + req->len <= f->from))
		return false;
	n = f->seen++;
	if (n < f->after || (n - f->after) % f->every || f->done >= f->count)
		return false;
	f->done++;
	return true;
}

static void fault_submit(struct disk *d, struct worker *w, struct disk_req *req)
{
	struct fault *f = (struct fault *)d;
	bool hit;

	pthread_mutex_lock(&f->lock);
	hit = fault_hits(f, req);
	if (hit && !f->err) {
		req->private[0] = (uintptr_t)f->held;
		f->held = req;
	}
	pthread_mutex_unlock(&f->lock);
	if (!hit)
		disk_submit(f->lower, w, req);
	else if (f->err)
		disk_finish(req, f->err);
}

static void fault_cancel(struct disk *d, struct worker *w)
{
	struct fault *f = (struct fault *)d;
	struct disk_req *req, *next, *mine = NULL, *others = NULL;

	pthread_mutex_lock(&f->lock);
	for (req = f->held; req; req = next) {
		struct disk_req **to = req->worker == w ? &mine : &others;

		next = (struct disk_req *)(uintptr_t)req->private[0];
		req->private[0] = (uintptr_t)*to;
		*to = req;
	}
	f->held = others;
	pthread_mutex_unlock(&f->lock);
	for (req = mine; req; req = next) {
		next = (struct disk_req *)(uintptr_t)req->private[0];
		disk_finish(req, -ECANCELED);
	}
	disk_cancel(f->lower, w);
}

static void fault_close(struct disk *d)
{
	struct fault *f = (struct fault *)d;

	disk_close(f->lower);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static int fault_refresh(struct disk *d)
{
	struct fault *f = (struct fault *)d;
	int err = disk_refresh(f->lower);

	if (!err)
		__atomic_store_n(&d->info.size, disk_size(f->lower),
				 __ATOMIC_RELAXED);
	return err;
}

static int fault_lost(const struct disk *d)
{
	return disk_lost(((const struct fault *)d)->lower);
}

/* ---- the specification ---- */

static bool parse_number(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno;
}

static bool parse_sector(const char *text, uint64_t *bytes, uint64_t more)
{
	uint64_t n;

	if (!parse_number(text, &n) || n >= UINT64_MAX / FAULT_SECTOR - more)
		return false;
	*bytes = (n + more) * FAULT_SECTOR;
	return true;
}

static bool parse_op(const char *text, unsigned int *out)
{
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(text, ops[i].name)) {
			*out |= ops[i].bits;
			return true;
		}
	return false;
}

static bool parse_err(const char *text, int *out)
{
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(text, errors[i].name)) {
			*out = -errors[i].err;
			return true;
		}
	return false;
}

static bool parse_pair(struct fault *f, const char *key, const char *value,
		       bool *have_err)
{
	if (!strcmp(key, "op"))
		return parse_op(value, &f->ops);
	if (!strcmp(key, "err")) {
		*have_err = true;
		return parse_err(value, &f->err);
	}
	if (!strcmp(key, "after"))
		return parse_number(value, &f->after);
	if (!strcmp(key, "count"))
		return parse_number(value, &f->count) && f->count;
	if (!strcmp(key, "every"))
		return parse_number(value, &f->every) && f->every;
	if (!strcmp(key, "from"))
		return parse_sector(value, &f->from, 0);
	if (!strcmp(key, "to"))
		return parse_sector(value, &f->to, 1);
	return false;
}

static int parse(struct fault *f, const char *spec, char *why, size_t why_len)
{
	char *copy = strdup(spec), *rest, *pair;
	bool have_err = false;
	int err = 0;

	if (!copy)
		return explain(-ENOMEM, why, why_len, "out of memory");
	rest = copy;
	if (!strncmp(rest, "disk:", 5))
		rest += 5;
	while (!err && (pair = strsep(&rest, ","))) {
		char *value = strchr(pair, '=');

		if (value)
			*value++ = '\0';
		if (!value || !parse_pair(f, pair, value, &have_err))
			err = explain(
				-EINVAL, why, why_len,
				"fault '%s': '%s%s%s' is not known: use op=read|write|flush|"
				"discard|any, err=EIO|ENOSPC|...|hang, after=N, count=N, every=N, "
				"from=SECTOR, to=SECTOR",
				spec, pair, value ? "=" : "",
				value ? value : "");
	}
	if (!err && !have_err)
		err = explain(
			-EINVAL, why, why_len,
			"fault '%s' says not what should happen: add err=EIO, or another",
			spec);
	if (!err && f->from >= f->to)
		err = explain(-EINVAL, why, why_len,
			      "fault '%s': from= is behind to=", spec);
	free(copy);
	return err;
}

static const struct disk_ops fault_ops = {
	.name = "fault",
	.submit = fault_submit,
	.close = fault_close,
	.refresh = fault_refresh,
	.cancel = fault_cancel,
	.lost = fault_lost,
};

int disk_fault_wrap(struct disk *lower, const char *spec, struct disk **out,
		    char *why, size_t why_len)
{
	struct fault *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return explain(-ENOMEM, why, why_len, "out of memory");
	f->count = f->to = UINT64_MAX;
	f->every = 1;
	err = parse(f, spec, why, why_len);
	if (!err) {
		f->disk.path = strdup(lower->path);
		if (!f->disk.path)
			err = explain(-ENOMEM, why, why_len, "out of memory");
	}
	if (err) {
		free(f);
		return err;
	}
	if (!f->ops)
		f->ops = FAULT_ANY;
	f->disk.ops = &fault_ops;
	f->disk.info = lower->info;
	f->disk.format = lower->format;
	memcpy(f->disk.serial, lower->serial, sizeof(lower->serial));
	memcpy(f->disk.identity, lower->identity, sizeof(lower->identity));
	f->lower = lower;
	pthread_mutex_init(&f->lock, NULL);
	*out = &f->disk;
	return 0;
}
