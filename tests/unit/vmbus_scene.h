// SPDX-License-Identifier: GPL-2.0
/*
 * For the tests of the fault filter: a server with faults and a device that a
 * child has opened.
 */
#ifndef TESTS_UNIT_VMBUS_SCENE_H
#define TESTS_UNIT_VMBUS_SCENE_H

#include "vmbus/fault.h"
#include "vmbus_fake.h"

#define SIZE 4096u /* data bytes of each ring */

struct scene {
	struct fake *f;
	struct fake_dev d;
	struct ring_ctl *out, *in; /* child to root, root to child */
	uint8_t *data;		   /* of `in` */
	struct ring_pkt head;	   /* of the packet taken last */
	uint8_t payload[512];
	uint32_t payload_len;
};

/* Faults, blanks between, and then a device "dev" which is open as relid 1. */
static struct scene *scene_new(const char *faults)
{
	struct scene *s = calloc(1, sizeof(*s));
	char copy[256], why[512], *save, *fault;

	log_set_level(LOG_LEVEL_ERR);
	s->f = fake_new(64, 0, 0);
	snprintf(copy, sizeof(copy), "%s", faults);
	for (fault = strtok_r(copy, " ", &save); fault;
	     fault = strtok_r(NULL, " ", &save))
		if (vmbus_fault_add(s->f->srv, fault, why, sizeof(why)))
			fail_msg("%s", why);
	fake_offer(s->f, &s->d, 1);
	fake_up(s->f);
	fake_open_chan(s->f, 1, 0);
	s->out = (struct ring_ctl *)(s->f->ram + 8 * 4096);
	s->in = (struct ring_ctl *)(s->f->ram + 10 * 4096);
	s->data = s->f->ram + 11 * 4096;
	return s;
}

static void scene_free(struct scene *s)
{
	fake_free(s->f);
	free(s);
}

static uint64_t faults(const struct scene *s)
{
	struct vmbus_server_stats stats;

	vmbus_server_get_stats(s->f->srv, &stats);
	return stats.faults;
}

#endif
