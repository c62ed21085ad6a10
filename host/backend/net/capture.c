// SPDX-License-Identifier: GPL-2.0
/*
 * A filter which writes down what passes, as pcapng (draft-ietf-opsawg-pcapng):
 * one section, an interface block for each card, an enhanced packet block for
 * each frame, in this machine's byte order.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net_var.h"
#include "util/log.h"
#include "util/out_file.h"

#define CAPTURE_BUFFER	   (256 * 1024)
#define SNAP_LENGTH	   262144 /* all of it */

#define BLOCK_SECTION	   0x0a0d0d0au
#define BLOCK_INTERFACE	   1u
#define BLOCK_PACKET	   6u
#define BYTE_ORDER_MAGIC   0x1a2b3c4du
#define LINKTYPE_ETHERNET  1u
#define OPTION_END	   0u
#define OPTION_APPLICATION 4u
#define OPTION_IF_NAME	   2u
#define OPTION_IF_MAC	   6u
#define OPTION_IF_TSRESOL  9u
#define OPTION_PKT_FLAGS   2u
#define FLAG_INBOUND	   1u
#define FLAG_OUTBOUND	   2u

struct net_capture {
	struct out_file file;
	char *path;
	pthread_mutex_t lock; /* all below; a leaf */
	uint32_t interfaces;
	int err; /* the first one; then nothing more is written */
	size_t used;
	uint8_t buf[CAPTURE_BUFFER];
};

struct capture {
	struct net net;
	struct net_capture *file;
	uint32_t interface;
	/*
	 * The frame on its way, of each queue that was started.  What is written
	 * down is what passes: the child may change its own memory meanwhile.
	 */
	uint8_t *copy[NET_QUEUES_MAX];
};

/* ---- the file; all with the lock held ---- */

static void fail(struct net_capture *c, int err)
{
	if (!c->err)
		log_err("capture", "cannot write %s: %s", c->path,
			strerror(-err));
	c->err = err;
}

static void write_out(struct net_capture *c)
{
	size_t done = 0;

	while (done < c->used && !c->err) {
		ssize_t n = write(c->file.fd, c->buf + done, c->used - done);

		if (n > 0)
			done += n;
		else if (n < 0 && errno != EINTR)
			fail(c, -errno);
	}
	c->used = 0;
}

/* Zeros up to the next multiple of 4 are part of everything. */
static void pad(struct net_capture *c)
{
	while (c->used % 4)
		c->buf[c->used++] = 0;
}

static void put32(struct net_capture *c, uint32_t v)
{
	memcpy(c->buf + c->used, &v, sizeof(v));
	c->used += sizeof(v);
}

static void put_option(struct net_capture *c, uint16_t code, const void *value,
		       uint16_t len)
{
	put32(c, code | (uint32_t)len << 16);
	if (len)
		memcpy(c->buf + c->used, value, len);
	c->used += len;
	pad(c);
}

/* Where the block begins; its length is filled in at its end. */
static size_t block_begin(struct net_capture *c, uint32_t type, size_t room)
{
	size_t at;

	/* Blocks are multiples of 4 long, and so is what is in the buffer. */
	if (CAPTURE_BUFFER - c->used < room)
		write_out(c);
	at = c->used;
	put32(c, type);
	put32(c, 0);
	return at;
}

static void block_end(struct net_capture *c, size_t at)
{
	uint32_t len = c->used - at + 4;

	put32(c, len);
	memcpy(c->buf + at + 4, &len, sizeof(len));
}

static void put_section(struct net_capture *c)
{
	size_t at = block_begin(c, BLOCK_SECTION, 64);

	put32(c, BYTE_ORDER_MAGIC);
	put32(c, 1); /* version 1.0 */
	put32(c, ~0u);
	put32(c, ~0u); /* the section's length: unknown */
	put_option(c, OPTION_APPLICATION, "vmwp", 4);
	put_option(c, OPTION_END, NULL, 0);
	block_end(c, at);
}

static void put_interface(struct net_capture *c, const char *name,
			  const uint8_t mac[6])
{
	size_t len = strnlen(name, 64), at;
	uint8_t nanoseconds = 9;

	at = block_begin(c, BLOCK_INTERFACE, 160);
	put32(c, LINKTYPE_ETHERNET);
	put32(c, SNAP_LENGTH);
	put_option(c, OPTION_IF_NAME, name, len);
	put_option(c, OPTION_IF_MAC, mac, 6);
	put_option(c, OPTION_IF_TSRESOL, &nanoseconds, 1);
	put_option(c, OPTION_END, NULL, 0);
	block_end(c, at);
}

static void put_frame(struct capture *cap, const uint8_t *frame, size_t len,
		      uint32_t flags)
{
	struct net_capture *c = cap->file;
	struct timespec ts;
	uint64_t ns;
	size_t at;

	clock_gettime(CLOCK_REALTIME, &ts);
	ns = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	pthread_mutex_lock(&c->lock);
	if (!c->err) {
		at = block_begin(c, BLOCK_PACKET, len + 64);
		put32(c, cap->interface);
		put32(c, ns >> 32);
		put32(c, ns);
		put32(c, len);
		put32(c, len);
		memcpy(c->buf + c->used, frame, len);
		c->used += len;
		pad(c);
		put_option(c, OPTION_PKT_FLAGS, &flags, sizeof(flags));
		put_option(c, OPTION_END, NULL, 0);
		block_end(c, at);
	}
	pthread_mutex_unlock(&c->lock);
}

int net_capture_open(const char *path, struct net_capture **out, char *why,
		     size_t why_len)
{
	struct net_capture *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return explain(-ENOMEM, why, why_len, "out of memory");
	c->path = strdup(path);
	if (!c->path) {
		free(c);
		return explain(-ENOMEM, why, why_len, "out of memory");
	}
	/* What people say to each other is nobody else's business. */
	err = out_file_open(&c->file, path, 0600);
	if (!err)
		err = out_file_place(&c->file);
	if (err) {
		out_file_close(&c->file);
		free(c->path);
		free(c);
		return explain(err, why, why_len, "cannot write %s: %s", path,
			       out_file_error(err));
	}
	pthread_mutex_init(&c->lock, NULL);
	put_section(c);
	*out = c;
	return 0;
}

int net_capture_flush(struct net_capture *c)
{
	int err;

	pthread_mutex_lock(&c->lock);
	write_out(c);
	err = c->err;
	pthread_mutex_unlock(&c->lock);
	return err;
}

int net_capture_close(struct net_capture *c)
{
	int err, last;

	if (!c)
		return 0;
	err = net_capture_flush(c);
	last = out_file_close(&c->file);
	pthread_mutex_destroy(&c->lock);
	free(c->path);
	free(c);
	return err ? err : last;
}

void net_capture_discard(struct net_capture *c)
{
	if (!c)
		return;
	c->used = 0;
	out_file_remove(&c->file);
	net_capture_close(c);
}

/* ---- the filter ---- */

static int capture_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct capture *cap = (struct capture *)n;

	if (!cap->copy[queue])
		cap->copy[queue] = malloc(NET_FRAME_MAX);
	if (!cap->copy[queue])
		return -ENOMEM;
	return net_queue_start(n->lower, queue, w);
}

static void capture_stop(struct net *n, unsigned int queue)
{
	net_queue_stop(n->lower, queue);
}

/* Copied twice: for the way, and into the buffer once it has gone. */
static void written_down(struct net *n, unsigned int queue, size_t len,
			 uint32_t flags)
{
	struct capture *cap = (struct capture *)n;

	put_frame(cap, cap->copy[queue], len, flags);
	net_count(&n->stats[queue].bytes_copied, 2 * len);
}

static int capture_send(struct net *n, unsigned int queue,
			const struct virtio_net_hdr *hdr,
			const struct iovec *iov, unsigned int niov)
{
	size_t len = net_iov_len(iov, niov);
	struct iovec copy = { ((struct capture *)n)->copy[queue], len };
	int err;

	net_iov_get(iov, niov, copy.iov_base, len);
	err = net_send(n->lower, queue, hdr, &copy, 1);
	if (!err)
		written_down(n, queue, len, FLAG_OUTBOUND);
	return err;
}

static int capture_recv(struct net *n, unsigned int queue,
			struct virtio_net_hdr *hdr, const struct iovec *iov,
			unsigned int niov)
{
	size_t room = net_iov_len(iov, niov);
	struct iovec copy = { ((struct capture *)n)->copy[queue],
			      room < NET_FRAME_MAX ? room : NET_FRAME_MAX };
	int len = net_recv(n->lower, queue, hdr, &copy, 1);

	if (len >= 0) {
		net_iov_put(iov, niov, copy.iov_base, len);
		written_down(n, queue, len, FLAG_INBOUND);
	}
	return len;
}

static int capture_set_offloads(struct net *n, unsigned int can)
{
	return net_set_offloads(n->lower, can);
}

static void capture_close(struct net *n)
{
	struct capture *cap = (struct capture *)n;
	unsigned int i;

	net_close(n->lower);
	for (i = 0; i < NET_QUEUES_MAX; i++)
		free(cap->copy[i]);
	free(cap);
}

static const struct net_ops capture_ops = {
	.name = "capture",
	.start = capture_start,
	.stop = capture_stop,
	.send = capture_send,
	.recv = capture_recv,
	.set_offloads = capture_set_offloads,
	.close = capture_close,
};

static void on_readable(void *arg, unsigned int queue)
{
	net_emit_readable(arg, queue);
}

static void on_writable(void *arg, unsigned int queue)
{
	net_emit_writable(arg, queue);
}

static void on_link(void *arg, bool up)
{
	net_set_link(arg, up);
}

static const struct net_events events = {
	.readable = on_readable,
	.writable = on_writable,
	.link = on_link,
};

int net_capture_wrap(struct net_capture *c, struct net *lower, const char *card,
		     const uint8_t mac[6], struct net **out)
{
	struct capture *cap = calloc(1, sizeof(*cap));

	if (!cap)
		return -ENOMEM;
	cap->net.name = strdup(lower->name);
	if (!cap->net.name) {
		free(cap);
		return -ENOMEM;
	}
	cap->file = c;
	cap->net.ops = &capture_ops;
	cap->net.lower = lower;
	cap->net.info = lower->info;
	cap->net.link_down = !net_link(lower);
	pthread_mutex_lock(&c->lock);
	cap->interface = c->interfaces++;
	put_interface(c, card, mac);
	pthread_mutex_unlock(&c->lock);
	net_set_events(lower, &events, &cap->net);
	*out = &cap->net;
	return 0;
}
