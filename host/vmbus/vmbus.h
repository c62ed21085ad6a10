/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The root side of VMBus as a VSP sees it: offer a channel, serve it when the
 * child opens it, exchange packets through its two rings.
 *
 * Threads.  The server and all vmbus_chan_ops callbacks run on one thread (the
 * "server thread", vmwp's main loop).  Packets are exchanged on whatever one
 * thread the VSP serves the channel with; that thread may change only while
 * the channel is closed.  A channel is usable for packets from the moment open()
 * is called until the VSP calls vmbus_chan_closed().
 *
 * Life of a channel: vmbus_offer() -> [open() -> close() -> vmbus_chan_closed()]*
 * -> released().  After released() the pointer is dead.  A primary channel
 * survives UNLOAD, reset and reconnect of the child (it is closed and offered
 * anew); sub-channels are released then, and when their primary closes.
 * Callbacks: the server calls close() of sub-channels before that of their
 * primary; released() always comes later than the call that caused it, from
 * the server thread's queue.
 */
#ifndef VMBUS_VMBUS_H
#define VMBUS_VMBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "hv/ring_reg.h"
#include "hv/vmbus_reg.h"

struct mem;
struct vmbus_server;
struct vmbus_chan;

struct vmbus_offer {
	struct guid_reg type;
	struct guid_reg instance; /* unique over all live primary offers */
	uint16_t flags;
	uint16_t sub_index; /* 0: primary */
	uint16_t mmio_megabytes;
	uint8_t user[120];
	const char *name; /* for logs and statistics; copied */
};

struct vmbus_chan_ops {
	/*
	 * The child opened the channel; rings are mapped and signals may come.
	 * 0: the child gets success.  -errno: it gets a failure, and close() is
	 * not called.
	 */
	int (*open)(struct vmbus_chan *ch, void *priv);
	/*
	 * Stop serving: finish or cancel what is under way, then call
	 * vmbus_chan_closed() (from any thread, at once or later).  Until then
	 * no GPADL of the channel is reported as torn down.
	 */
	void (*close)(struct vmbus_chan *ch, void *priv);
	/* The channel object goes away; last callback. */
	void (*released)(struct vmbus_chan *ch, void *priv);
};

/*
 * Server thread.  0 or -errno (-EEXIST: instance and sub_index in use, -ENOSPC:
 * no relid, -ENOTCONN: the primary of this sub-channel is not open, -EINVAL: and
 * has another type, -ESHUTDOWN).  The child hears of it at once when it is
 * connected, else when it asks; an instance that was revoked is not offered
 * again before the child has released the old relid.
 */
int vmbus_offer(struct vmbus_server *srv, const struct vmbus_offer *offer,
		const struct vmbus_chan_ops *ops, void *priv,
		struct vmbus_chan **out);
/* Server thread: take the offer back (close(), RESCIND).  Ends with released(). */
void vmbus_revoke(struct vmbus_chan *ch);
/* Any thread; see vmbus_chan_ops.close. */
void vmbus_chan_closed(struct vmbus_chan *ch);
/*
 * Any thread: the child broke the protocol of this channel; `why` (static
 * string) is logged and the server thread takes the channel away from the
 * child (close(), RESCIND).  A sub-channel is then released; a primary stays
 * unoffered until the child connects anew, unless the VSP revokes it.
 */
void vmbus_chan_fail(struct vmbus_chan *ch, const char *why);

const char *vmbus_chan_name(const struct vmbus_chan *ch);
uint32_t vmbus_chan_relid(const struct vmbus_chan *ch);
uint16_t vmbus_chan_sub_index(const struct vmbus_chan *ch);
const struct mem *vmbus_chan_mem(const struct vmbus_chan *ch);
struct vmbus_server *vmbus_chan_server(const struct vmbus_chan *ch);
/* Any thread: run fn(arg) on the server thread, soon.  For VSPs' own ends. */
void vmbus_server_defer(struct vmbus_server *srv, void (*fn)(void *arg),
			void *arg);
/* Version of the present connection (VMB_VERSION_*), 0 when there is none. */
uint32_t vmbus_server_version(const struct vmbus_server *srv);
/* The eventfd which the child's signals arrive at: poll it for input, read it. */
int vmbus_chan_signal_fd(const struct vmbus_chan *ch);

/* ---- packets: the channel's serving thread only ---- */

/* A received packet; all pointers lead into the caller's buffer. */
struct vmbus_packet {
	uint16_t type; /* enum ring_pkt_type */
	uint16_t flags;
	uint64_t transaction;
	const void *header; /* bytes 16 .. offset8*8 */
	uint32_t header_len;
	const void *data; /* payload, rounded up to 8 */
	uint32_t data_len;
};

/*
 * Take the next packet out of the child's ring, copied into buf.  1: got one;
 * 0: the ring is empty; -EPROTO: indices or lengths are wild, -EMSGSIZE: it is
 * larger than buf (both: call vmbus_chan_fail()).  `buf` is 8-byte aligned.  The
 * ring space is given back to the child by vmbus_chan_flush().
 */
int vmbus_chan_recv(struct vmbus_chan *ch, void *buf, size_t size,
		    struct vmbus_packet *pkt);
/*
 * Put a packet in the ring to the child.  0, -EAGAIN when the ring is full
 * (pending_send is set, so a signal comes when there is room again: try again
 * then), -EMSGSIZE when it could never fit, -EPROTO: the child's index is wild
 * (call vmbus_chan_fail()).  The child sees it, and is interrupted if it must
 * be, at vmbus_chan_flush().  Header and data are padded to 8 bytes with zeroes.
 */
int vmbus_chan_send(struct vmbus_chan *ch, uint16_t type, uint16_t flags,
		    uint64_t transaction, const void *header,
		    uint32_t header_len, const void *data, uint32_t data_len);
/* Publish both indices and signal the child if the rules of the ring say so. */
void vmbus_chan_flush(struct vmbus_chan *ch);
/* True when the child's ring holds something or its indices are wild. */
bool vmbus_chan_readable(struct vmbus_chan *ch);
/*
 * Tell the child whether to signal new data: mask while polling the ring, unmask
 * before sleeping.  Unmasking flushes first, and returns true when data came in
 * meanwhile: then the ring is masked again, go on reading.  A VSP that does not
 * mask must flush and ask vmbus_chan_readable() once more before it sleeps.
 * The ring is unmasked when open() is called.
 */
void vmbus_chan_mask(struct vmbus_chan *ch);
bool vmbus_chan_unmask(struct vmbus_chan *ch);

/*
 * The ranges of a GPA-direct packet: iterates over the header copied by
 * vmbus_chan_recv().  vmbus_gpa_first() checks the whole header.
 */
struct vmbus_gpa_iter {
	const uint8_t *pos, *end;
	uint32_t left;
};
/* Number of ranges (>= 1) or -EPROTO. */
int vmbus_gpa_first(const struct vmbus_packet *pkt, struct vmbus_gpa_iter *it);
/*
 * Next range as iovecs of guest memory: their count, -ENODATA after the last
 * range, or as mem_iov().  *len: its bytes.
 */
int vmbus_gpa_next(const struct mem *m, struct vmbus_gpa_iter *it,
		   struct iovec *iov, unsigned int max_iov, uint32_t *len);

/* ---- buffers that the child lends by GPADL ---- */

/*
 * Pages of the child that a VSP uses over a long time (receive buffers and the
 * like), in the order of the GPADL.
 */
struct vmbus_buffer {
	uint8_t **page;
	uint32_t npages;
};

/*
 * Server thread, while the channel is open.  GPADL `handle` of the channel: one
 * range of whole pages.  0 or -errno (-ENOENT: not there, or another channel's;
 * -EBUSY: rings are in it; -EINVAL: its form; -ENOMEM).  It is not reported as
 * torn down before vmbus_buffer_put(), which the VSP calls, at the latest, before
 * vmbus_chan_closed().  The pages are the child's memory, which does not go away:
 * what a VSP touches too late is scribbled over, but no address is wild.
 */
int vmbus_buffer_get(struct vmbus_chan *ch, uint32_t handle,
		     struct vmbus_buffer **out);
void vmbus_buffer_put(struct vmbus_buffer *b);
/*
 * Any thread, between the two: [offset, offset + len) as iovecs, with adjacent
 * pages merged.  Their number, -EINVAL when it is not inside, -E2BIG.
 */
int vmbus_buffer_iov(const struct vmbus_buffer *b, uint32_t offset,
		     uint32_t len, struct iovec *iov, unsigned int max_iov);

/* Counters of one channel since it was offered; readable from any thread. */
struct vmbus_chan_stats {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint64_t signals_in; /* from the child: hypercalls */
	uint64_t interrupts; /* to the child: event flags newly set */
	uint64_t ring_full;  /* sends that found no room */
	uint64_t opens, closes, errors;
};
void vmbus_chan_get_stats(const struct vmbus_chan *ch,
			  struct vmbus_chan_stats *out);
/* The serving thread tells what it read from the signal eventfd. */
void vmbus_chan_count_signals(struct vmbus_chan *ch, uint64_t count);

#endif
