// SPDX-License-Identifier: GPL-2.0
/* Counters of a card, by name. */
#include "netvsp_var.h"

static const char *const names[NET_C_COUNT] = {
#define X(name) [NET_C_##name] = #name,
	NET_COUNTERS(X)
#undef X
};

uint64_t net_counter_sum(const struct netvsp *n, enum net_counter c)
{
	uint64_t sum = 0;
	unsigned int q;

	for (q = 0; q < n->nqueues; q++)
		sum += atomic_load_explicit(&n->queue[q].count[c],
					    memory_order_relaxed);
	return sum;
}

/* What the back end, with its filters, says of all queues. */
static void backend_counters(struct netvsp *n, netvsp_counter_fn fn, void *arg)
{
	struct net_queue_stats s, sum = { 0 };
	unsigned int q;

	for (q = 0; q < n->nqueues; q++) {
		net_get_stats(n->net, q, &s);
		sum.frames_out += s.frames_out;
		sum.bytes_out += s.bytes_out;
		sum.frames_in += s.frames_in;
		sum.bytes_in += s.bytes_in;
		sum.drops_out += s.drops_out;
		sum.drops_in += s.drops_in;
		sum.faults += s.faults;
		sum.bytes_copied += s.bytes_copied;
		sum.sockets_refused += s.sockets_refused;
		sum.sockets_closed += s.sockets_closed;
	}
	fn("frames_out", sum.frames_out, arg);
	fn("bytes_out", sum.bytes_out, arg);
	fn("frames_in", sum.frames_in, arg);
	fn("bytes_in", sum.bytes_in, arg);
	fn("drops_out", sum.drops_out, arg);
	fn("drops_in", sum.drops_in, arg);
	fn("faults", sum.faults, arg);
	fn("sockets_refused", sum.sockets_refused, arg);
	fn("sockets_closed", sum.sockets_closed, arg);
	fn("bytes_copied",
	   sum.bytes_copied + net_counter_sum(n, NET_C_bytes_copied), arg);
}

void netvsp_counters(struct netvsp *n, netvsp_counter_fn fn, void *arg)
{
	unsigned int c;

	backend_counters(n, fn, arg);
	for (c = 0; c < NET_C_COUNT; c++)
		if (c != NET_C_bytes_copied)
			fn(names[c], net_counter_sum(n, c), arg);
}

void netvsp_queue_counters(struct netvsp *n, unsigned int queue,
			   netvsp_counter_fn fn, void *arg)
{
	static const enum net_counter own[] = {
		NET_C_tx_frames, NET_C_tx_bytes,       NET_C_tx_packets,
		NET_C_rx_frames, NET_C_rx_bytes,       NET_C_rx_packets,
		NET_C_rx_rsc,	 NET_C_rx_handed_over, NET_C_bytes_copied,
	};
	struct net_queue_stats s;
	unsigned int i;

	if (queue >= n->nqueues)
		return;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		fn(names[own[i]],
		   atomic_load_explicit(&n->queue[queue].count[own[i]],
					memory_order_relaxed),
		   arg);
	fn("sections_lent", atomic_load(&n->queue[queue].lent), arg);
	net_get_stats(n->net, queue, &s);
	fn("backend_frames_out", s.frames_out, arg);
	fn("backend_bytes_out", s.bytes_out, arg);
	fn("backend_frames_in", s.frames_in, arg);
	fn("backend_bytes_in", s.bytes_in, arg);
	fn("backend_drops_out", s.drops_out, arg);
	fn("backend_drops_in", s.drops_in, arg);
	fn("backend_faults", s.faults, arg);
	fn("backend_system_calls", s.system_calls, arg);
	fn("backend_bytes_copied", s.bytes_copied, arg);
}
