// SPDX-License-Identifier: GPL-2.0
/*
 * The VMBus server upon the hypervisor: channel messages from the VPs' threads
 * are queued here for the main thread, and the server's effects go to host/hv.
 *
 * The queue is bounded.  A child which posts faster than the server reads, or than
 * it reads answers itself, gets "insufficient buffers" from HvPostMessage and tries
 * again, as on a real host.  Were messages taken for which there will be no room to
 * be answered, answers would be lost that its drivers wait for.  Only what ends the
 * connection is always taken: whoever says that may never read what was meant for
 * another kernel.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/tlfs_reg.h"
#include "util/now.h"
#include "vmbus/fault.h"
#include "vmwp.h"

#define BRIDGE_BUFFERS	     64
#define BRIDGE_TURN_NS	     2000000u
#define MESSAGE_TYPE_CHANNEL 1

struct posted {
	uint32_t connection, size;
	uint8_t payload[TLFS_PAYLOAD_MAX];
};

struct bridge {
	pthread_mutex_t lock; /* all that follows */
	struct posted queue[BRIDGE_BUFFERS];
	unsigned int first, count;
	bool scheduled; /* bridge_drain() is posted */
	struct bridge_stats stats;
	struct log_limit lost; /* main thread */
};

static bool bridge_take(struct bridge *b, struct posted *out)
{
	bool got;

	pthread_mutex_lock(&b->lock);
	got = b->count > 0;
	if (got) {
		*out = b->queue[b->first];
		b->first = (b->first + 1) % BRIDGE_BUFFERS;
		b->count--;
	} else {
		b->scheduled = false;
	}
	pthread_mutex_unlock(&b->lock);
	return got;
}

/* Main thread.  Not for long, so that others get their turn. */
static void bridge_drain(void *arg)
{
	struct vmwp *w = arg;
	struct posted msg;
	uint64_t end = now_ns() + BRIDGE_TURN_NS;

	do {
		if (!bridge_take(w->bridge, &msg))
			return;
		if (!w->resetting && w->state != VMWP_STOPPING)
			vmbus_server_message(w->srv, msg.connection,
					     msg.payload, msg.size);
	} while (now_ns() < end);
	loop_post(w, bridge_drain, w);
}

/* VP's thread. */
static uint16_t on_message(void *priv, uint32_t connection, uint32_t type,
			   const void *payload, uint32_t size)
{
	struct vmwp *w = priv;
	struct bridge *b = w->bridge;
	uint16_t status = TLFS_STATUS_SUCCESS;
	struct posted *slot;
	bool schedule = false;

	pthread_mutex_lock(&b->lock);
	if (!vmbus_server_port_valid(w->srv, connection)) {
		status = TLFS_STATUS_INVALID_CONNECTION;
		b->stats.refused_bad++;
	} else if (type != MESSAGE_TYPE_CHANNEL || size > TLFS_PAYLOAD_MAX) {
		status = TLFS_STATUS_INVALID_PARAMETER;
		b->stats.refused_bad++;
	} else if (b->count == BRIDGE_BUFFERS ||
		   (hv_posts_crowded(w->hv) &&
		    !vmbus_message_ends(payload, size))) {
		status = TLFS_STATUS_NO_BUFFERS;
		b->stats.refused_full++;
	} else {
		slot = &b->queue[(b->first + b->count++) % BRIDGE_BUFFERS];
		slot->connection = connection;
		slot->size = size;
		memcpy(slot->payload, payload, size);
		schedule = !b->scheduled;
		b->scheduled = true;
		b->stats.messages++;
	}
	pthread_mutex_unlock(&b->lock);
	if (schedule)
		loop_post(w, bridge_drain, w);
	return status;
}

static void on_crash(void *priv, const uint64_t param[5], uint64_t control)
{
	life_on_crash(priv, param, control);
}

static void host_post(void *host, uint32_t vp, uint8_t sint, const void *msg,
		      size_t len)
{
	struct vmwp *w = host;
	int err = hv_post(w->hv, vp, sint, MESSAGE_TYPE_CHANNEL, msg, len);

	if (err)
		log_limited(LOG_LEVEL_ERR, &w->bridge->lost, "vmbus",
			    "message to vp%u is lost: %s", vp, strerror(-err));
}

static void host_drop_posts(void *host)
{
	hv_drop_posts(((struct vmwp *)host)->hv);
}

static bool host_signal(void *host, uint32_t vp, uint8_t sint, uint16_t flag)
{
	return hv_signal(((struct vmwp *)host)->hv, vp, sint, flag);
}

static int host_connect_event(void *host, uint32_t connection, int fd)
{
	return hv_connect_event(((struct vmwp *)host)->hv, connection, fd);
}

static void host_disconnect_event(void *host, uint32_t connection, int fd)
{
	hv_disconnect_event(((struct vmwp *)host)->hv, connection, fd);
}

static void host_defer(void *host, void (*fn)(void *arg), void *arg)
{
	loop_post(host, fn, arg);
}

static void host_defer_ms(void *host, uint32_t ms, void (*fn)(void *arg),
			  void *arg)
{
	int err = loop_post_ms(host, ms, fn, arg);

	if (err)
		log_err("vmbus", "a call is lost: %s", strerror(-err));
}

static void host_connected(void *host, uint32_t version)
{
	life_on_connected(host, version);
}

static bool host_vp_valid(void *host, uint32_t vp)
{
	return vp < vm_processors(((struct vmwp *)host)->vm);
}

static void on_resample(void *arg)
{
	hv_resample(((struct vmwp *)arg)->hv);
}

static int create_hv(struct vmwp *w, char *why, size_t why_len)
{
	static const struct hv_ops ops = { .message = on_message,
					   .crash = on_crash };
	int err = hv_create(w->vm, &ops, w, &w->hv, why, why_len);

	if (err)
		return err;
	err = loop_watch(w, hv_resample_fd(w->hv), on_resample, w,
			 &w->resample);
	if (err) {
		snprintf(why, why_len, "cannot watch the SynIC: %s",
			 strerror(-err));
		hv_destroy(w->hv);
		w->hv = NULL;
	}
	return err;
}

static void destroy_hv(struct vmwp *w)
{
	w->resample = sd_event_source_disable_unref(w->resample);
	hv_destroy(w->hv);
	w->hv = NULL;
}

/* Before anything is offered. */
static int add_faults(struct vmwp *w, char *why, size_t why_len)
{
	const struct options *opt = w->opt;
	unsigned int i;
	int err = 0;

	for (i = 0; i < opt->nfaults && !err; i++)
		if (opt->fault[i].vmbus)
			err = vmbus_fault_add(w->srv, opt->fault[i].fault, why,
					      why_len);
	return err;
}

int bridge_create(struct vmwp *w, char *why, size_t why_len)
{
	static const struct vmbus_host_ops ops = {
		.post = host_post,
		.drop_posts = host_drop_posts,
		.signal = host_signal,
		.connect_event = host_connect_event,
		.disconnect_event = host_disconnect_event,
		.defer = host_defer,
		.defer_ms = host_defer_ms,
		.connected = host_connected,
		.vp_valid = host_vp_valid,
	};
	struct vmbus_server_config cfg = {
		.max_version = w->opt->vmbus_version,
		.mem = vm_mem(w->vm),
	};
	int err = create_hv(w, why, why_len);

	if (err)
		return err;
	w->bridge = calloc(1, sizeof(*w->bridge));
	err = w->bridge ? vmbus_server_create(&cfg, &ops, w, &w->srv) : -ENOMEM;
	if (err)
		snprintf(why, why_len, "cannot start the VMBus server: %s",
			 strerror(-err));
	else
		err = add_faults(w, why, why_len);
	if (err) {
		vmbus_server_destroy(w->srv);
		w->srv = NULL;
		free(w->bridge);
		w->bridge = NULL;
		destroy_hv(w);
		return err;
	}
	pthread_mutex_init(&w->bridge->lock, NULL);
	return 0;
}

void bridge_destroy(struct vmwp *w)
{
	bool done = false;

	vmbus_server_shutdown(w->srv, loop_done, &done);
	if (loop_wait(w, &done, true, 10)) {
		log_err("vmbus", "channels do not end");
		_Exit(VMWP_EXIT_INTERNAL);
	}
	vmbus_server_destroy(w->srv);
	w->srv = NULL;
	destroy_hv(w);
	pthread_mutex_destroy(&w->bridge->lock);
	free(w->bridge);
	w->bridge = NULL;
}

void bridge_drop(struct vmwp *w)
{
	pthread_mutex_lock(&w->bridge->lock);
	w->bridge->count = 0;
	pthread_mutex_unlock(&w->bridge->lock);
}

void bridge_get_stats(const struct vmwp *w, struct bridge_stats *out)
{
	pthread_mutex_lock(&w->bridge->lock);
	*out = w->bridge->stats;
	pthread_mutex_unlock(&w->bridge->lock);
}
