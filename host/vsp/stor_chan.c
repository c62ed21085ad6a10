// SPDX-License-Identifier: GPL-2.0
/*
 * One channel of a controller, on its worker.
 *
 * Everything happens in chan_turn(), which the worker calls once it has handed
 * out what had finished: answers that waited, new requests, then one flush.
 * What a disk finishes at once (worker_pending()) still belongs to this turn,
 * so a burst of requests costs one interrupt; the ring is unmasked only when
 * there is nothing left to do but sleep.
 *
 * Back-pressure: requests beyond STOR_IN_FLIGHT stay in the child's ring, and
 * answers for which the ring to the child has no room wait here until the
 * child's signal says that there is some.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "storvsp_var.h"

#define CHAN_DEPTH  128u /* operations of one channel in the kernel */
#define CHAN_ROUNDS 4u	 /* without a flush, when there is always more */
#define CHAN_BUDGET 64u	 /* packets in one turn: others wait for the worker */

static void chan_turn(void *arg);

/* ---- answers ---- */

void stor_chan_fail(struct stor_chan *c, const char *why)
{
	if (c->failed)
		return;
	c->failed = true;
	vmbus_chan_fail(c->ch, why);
}

/* 0, or -EAGAIN: no room.  A broken ring fails the channel. */
static int chan_send(struct stor_chan *c, uint16_t type, uint64_t transaction,
		     const struct stor_pkt *pkt)
{
	int err;

	if (c->failed)
		return 0;
	err = vmbus_chan_send(c->ch, type, 0, transaction, NULL, 0, pkt,
			      sizeof(*pkt));
	if (err && err != -EAGAIN) {
		stor_chan_fail(c,
			       err == -EMSGSIZE ?
				       "the ring is too small for an answer" :
				       "indices of the ring to the child");
		return 0;
	}
	return err;
}

static bool answer_send(struct stor_chan *c, struct stor_req *req)
{
	/* 0 is for what nobody asked for: an answer would not be understood. */
	if (req->answer && req->transaction && !c->stopping &&
	    chan_send(c, RING_PKT_COMPLETION, req->transaction, &req->pkt))
		return false;
	c->in_flight--;
	stor_req_release(req);
	return true;
}

void stor_chan_answer(struct stor_chan *c, struct stor_req *req)
{
	/* In order: none overtakes those that wait. */
	if (STAILQ_EMPTY(&c->answers) && answer_send(c, req))
		return;
	STAILQ_INSERT_TAIL(&c->answers, req, link);
	c->waiting++;
}

static void send_waiting(struct stor_chan *c)
{
	struct stor_pkt enumerate = { .op = STOR_OP_ENUMERATE_BUS };
	struct stor_req *req;

	while ((req = STAILQ_FIRST(&c->answers))) {
		/* First, as the link is used otherwise once it is sent. */
		STAILQ_REMOVE_HEAD(&c->answers, link);
		if (!answer_send(c, req)) {
			STAILQ_INSERT_HEAD(&c->answers, req, link);
			return;
		}
		c->waiting--;
	}
	/* One for any number of changes; see tell_child(). */
	if (c->enumerate && (!atomic_load(&c->s->looked) ||
			     !chan_send(c, RING_PKT_INBAND, 0, &enumerate)))
		c->enumerate = false;
}

/* ---- requests ---- */

static void handle_control(struct stor_chan *c, const struct vmbus_packet *pkt)
{
	struct storvsp *s = c->s;
	struct stor_pkt in, out;
	enum stor_action action = STOR_NOTHING;
	struct stor_req *req;

	memcpy(&in, pkt->data, sizeof(in));
	if (c->index) {
		/* The device is set up on the primary. */
		out = in;
		out.op = STOR_OP_COMPLETE_IO;
		out.flags = 0;
		out.status = STOR_NT_INVALID_DEVICE_STATE;
	} else {
		action = stor_proto_handle(&s->proto, &in, &out);
	}
	if (out.status)
		log_guest(&s->limit, c->name,
			  "operation %u refused: status %#x", in.op,
			  out.status);
	if (action == STOR_BECAME_READY) {
		stor_luns_forget(s);
		atomic_store(&s->ready, true);
		log_debug(c->name, "protocol %u.%u", s->proto.version >> 8,
			  s->proto.version & 0xff);
	}
	req = stor_req_control(c, pkt, &out);
	if (!req)
		stor_chan_fail(c, "out of memory");
	else
		stor_chan_answer(c, req);
	if (action == STOR_CREATE_SUBS)
		storvsp_want_subs(s, c->generation, s->proto.sub_channels);
}

static void handle(struct stor_chan *c, const struct vmbus_packet *pkt)
{
	struct stor_pkt head;
	int err;

	/* We never ask for completions. */
	if (pkt->type == RING_PKT_COMPLETION)
		return;
	if (pkt->type != RING_PKT_INBAND && pkt->type != RING_PKT_GPA_DIRECT) {
		stor_chan_fail(c, "packet type");
		return;
	}
	if (pkt->data_len < sizeof(head)) {
		stor_chan_fail(c, "packet too short");
		return;
	}
	memcpy(&head, pkt->data, sizeof(head));
	if (head.op != STOR_OP_EXECUTE_SRB || !atomic_load(&c->s->ready)) {
		handle_control(c, pkt);
		return;
	}
	/* Before the LUNs are looked at; partner: tell_child(). */
	if (!atomic_load_explicit(&c->s->looked, memory_order_relaxed))
		atomic_store(&c->s->looked, true);
	err = stor_req_start(c, pkt);
	if (err)
		stor_chan_fail(c, err == -ENOMEM ? "out of memory" :
						   "ranges of a packet");
}

static bool may_read(const struct stor_chan *c)
{
	return c->in_flight < STOR_IN_FLIGHT && !atomic_load(&c->s->paused);
}

/* True: there may be more. */
static bool drain(struct stor_chan *c)
{
	struct vmbus_packet pkt;
	unsigned int i;

	for (i = 0; i < CHAN_BUDGET; i++) {
		int n;

		if (c->failed || c->in_flight == STOR_IN_FLIGHT)
			return false;
		n = vmbus_chan_recv(c->ch, c->buf, c->buf_len, &pkt);
		c->empty = !n;
		if (!n)
			return false;
		if (n < 0)
			stor_chan_fail(
				c, n == -EMSGSIZE ?
					   "packet too large" :
					   "indices or lengths of the ring");
		else
			handle(c, &pkt);
	}
	return may_read(c);
}

/* ---- the turn ---- */

static void again_done(struct worker_io *io, int res)
{
	struct stor_chan *c =
		(struct stor_chan *)((char *)io -
				     offsetof(struct stor_chan, again));

	(void)res;
	c->again_queued = false;
}

static void again(struct stor_chan *c)
{
	if (c->again_queued)
		return;
	c->again_queued = true;
	c->again.done = again_done;
	worker_complete(c->worker, &c->again, 0);
}

static void quiet_if_owed(struct stor_chan *c)
{
	if (!atomic_load_explicit(&c->pause_owed, memory_order_relaxed))
		return;
	/* Answers may wait for a child that is paused itself. */
	if (c->in_flight != c->waiting && atomic_load(&c->s->paused))
		return;
	if (atomic_exchange(&c->pause_owed, false))
		storvsp_quiet(c->s);
}

/*
 * `owed`: before the ring was looked at.  One that reads no more has nothing more
 * to come.
 */
static void has_read(struct stor_chan *c, bool owed)
{
	if (!owed || (c->serving && !c->failed && !c->stopping && !c->empty))
		return;
	atomic_store(&c->read_owed, false);
	storvsp_has_read(c->s);
}

static void chan_stopped(struct stor_chan *c)
{
	struct vmbus_chan *ch = c->ch;

	c->serving = false;
	c->stopping = false;
	atomic_fetch_sub(&c->s->serving, 1);
	stor_req_free_spare(c);
	free(c->buf);
	free(c->scratch);
	c->buf = NULL;
	c->scratch = NULL;
	/* From here on the server thread may open or release the channel. */
	vmbus_chan_closed(ch);
}

static void chan_turn(void *arg)
{
	struct stor_chan *c = arg;
	bool more = false, owed = atomic_load(&c->read_owed);

	c->empty = false;
	if (!c->serving) {
		quiet_if_owed(c);
		has_read(c, owed);
		return;
	}
	if (!c->failed && !c->stopping) {
		send_waiting(c);
		if (may_read(c))
			more = drain(c);
	}
	quiet_if_owed(c);
	has_read(c, owed);
	if (c->stopping) {
		send_waiting(c);
		if (!c->in_flight)
			chan_stopped(c);
		return;
	}
	if (c->failed)
		return;
	if (more)
		again(c);
	if (worker_pending(c->worker) && ++c->rounds < CHAN_ROUNDS)
		return;
	c->rounds = 0;
	if (more || !may_read(c))
		vmbus_chan_flush(c->ch);
	else if (vmbus_chan_unmask(c->ch))
		again(c);
}

static void signalled(struct worker_watch *watch, uint64_t count)
{
	struct stor_chan *c =
		(struct stor_chan *)((char *)watch -
				     offsetof(struct stor_chan, watch));

	vmbus_chan_count_signals(c->ch, count);
	if (!c->failed)
		vmbus_chan_mask(c->ch);
	/* chan_turn() follows. */
}

/* ---- control from other threads ---- */

/* What would never end by itself: of disks that go away, or of all. */
static void cancel(struct stor_chan *c, bool all)
{
	unsigned int i;

	for (i = 0; i < STORVSP_LUNS; i++) {
		struct stor_slot *slot = &c->s->slot[i];

		if (!all && atomic_load(&slot->state) & STOR_SLOT_PRESENT)
			continue;
		if (!stor_slot_hold(slot))
			continue;
		disk_cancel(slot->disk, c->worker);
		stor_slot_put(slot);
	}
}

static void control(void *arg)
{
	struct stor_chan *c = arg;
	uint32_t bits = atomic_exchange(&c->control, 0);

	if (bits & STOR_CTL_ENUMERATE)
		c->enumerate = true;
	if (bits & STOR_CTL_CANCEL)
		cancel(c, false);
	/* chan_turn() follows. */
}

static void not_ready(struct storvsp *s)
{
	atomic_store(&s->ready, false);
	atomic_store(&s->looked, false);
}

static void stop(void *arg)
{
	struct stor_chan *c = arg;

	worker_unwatch(&c->watch);
	c->stopping = true;
	if (!c->index)
		not_ready(c->s);
	cancel(c, true);
}

static void post(struct stor_chan *c, worker_fn fn)
{
	/* Out of memory: what is asked for here must not get lost. */
	while (worker_post(c->worker, fn, c))
		sched_yield();
}

void stor_chan_control(struct stor_chan *c, uint32_t bits)
{
	/* Who finds bits already there knows that a call is on its way. */
	if (!atomic_fetch_or(&c->control, bits))
		post(c, control);
}

/* A call of its own, behind that of start(), whatever is queued already. */
void stor_chan_stop(struct stor_chan *c)
{
	post(c, stop);
}

/* ---- open ---- */

static void start(void *arg)
{
	struct stor_chan *c = arg;

	worker_set_idle(c->worker, chan_turn, c);
	atomic_fetch_add(&c->s->serving, 1);
	c->serving = true;
	c->stopping = c->failed = c->enumerate = false;
	c->rounds = c->in_flight = c->waiting = 0;
	STAILQ_INIT(&c->answers);
	if (!c->index) {
		stor_proto_reset(&c->s->proto);
		not_ready(c->s);
	}
	if (worker_watch(c->worker, &c->watch, vmbus_chan_signal_fd(c->ch),
			 signalled))
		stor_chan_fail(c, "out of memory");
	else
		vmbus_chan_mask(c->ch);
}

static int chan_buffers(struct stor_chan *c)
{
	uint32_t max = c->s->proto.max_transfer;

	/* A page more than an unaligned transfer touches: "too large" is told. */
	c->scratch_len = max / MEM_PAGE_SIZE + 2;
	c->buf_len =
		sizeof(struct ring_gpa_direct) + sizeof(struct vmb_gpa_range) +
		2 * c->scratch_len * sizeof(uint64_t) + sizeof(struct stor_pkt);
	c->buf = malloc(c->buf_len);
	c->scratch = malloc(c->scratch_len * sizeof(*c->scratch));
	if (c->buf && c->scratch)
		return 0;
	free(c->buf);
	free(c->scratch);
	return -ENOMEM;
}

int stor_chan_open(struct stor_chan *c)
{
	int err;

	if (!c->worker) {
		err = worker_create(c->name, CHAN_DEPTH, &c->worker);
		if (err)
			return err;
	}
	err = chan_buffers(c);
	if (err)
		return err;
	post(c, start);
	return 0;
}
