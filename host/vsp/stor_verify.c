// SPDX-License-Identifier: GPL-2.0
/*
 * VERIFY: read from the disk what nobody gets, and perhaps compare it with the
 * child's data.  Piece by piece into a buffer of the request's own, as there is
 * no other bound to the length than time.  The pieces are small where many verify
 * at a time: a child may have all of its requests do so.
 */
#include <stdlib.h>
#include <string.h>

#include "storvsp_var.h"

#define PIECE	    (256u << 10)
#define PIECE_SMALL (16u << 10)
#define PIECES_ALL  (2u << 20) /* of one channel, beyond which they are small */
#define PIECE_ALIGN 4096u      /* what direct I/O takes without a copy */

struct stor_verify {
	struct iovec iov;
	void *buf;
	uint32_t len;
};

static struct stor_verify *verify_new(struct stor_chan *c, uint64_t len)
{
	uint32_t most = c->verifying < PIECES_ALL ? PIECE : PIECE_SMALL;
	struct stor_verify *v = malloc(sizeof(*v));

	if (!v)
		return NULL;
	v->len = len < most ? len : most;
	if (posix_memalign(&v->buf, PIECE_ALIGN, v->len)) {
		free(v);
		return NULL;
	}
	c->verifying += v->len;
	return v;
}

void stor_verify_free(struct stor_req *req)
{
	if (!req->verify)
		return;
	req->chan->verifying -= req->verify->len;
	free(req->verify->buf);
	free(req->verify);
	req->verify = NULL;
}

uint64_t stor_verify_piece(struct stor_req *req, const struct scsi_step *step)
{
	uint64_t left = step->len - req->step_done;
	struct stor_verify *v = req->verify;

	if (!v)
		v = req->verify = verify_new(req->chan, left);
	if (!v)
		return 0;
	v->iov = (struct iovec){ v->buf, left < v->len ? left : v->len };
	req->disk.iov = &v->iov;
	req->disk.niov = 1;
	return v->iov.iov_len;
}

bool stor_verify_same(const struct stor_req *req)
{
	uint64_t skip = req->step_done, left = req->disk.len;
	const char *at = req->verify->buf;
	unsigned int i;

	for (i = 0; i < req->cmd.niov && left; i++) {
		const struct iovec *v = &req->cmd.iov[i];
		size_t n;

		if (skip >= v->iov_len) {
			skip -= v->iov_len;
			continue;
		}
		n = v->iov_len - skip < left ? v->iov_len - skip : left;
		if (memcmp(at, (const char *)v->iov_base + skip, n))
			return false;
		at += n;
		left -= n;
		skip = 0;
	}
	return true;
}
