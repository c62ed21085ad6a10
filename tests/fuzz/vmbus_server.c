// SPDX-License-Identifier: GPL-2.0
/*
 * A child that posts what it likes, and devices that close, fail, revoke and
 * offer at any moment.  The input is a row of commands; after each the promises
 * of the server are checked, and at the end all must close and be freed.
 *
 * links: vmbus mem util
 */
#define FAKE_POSTS 64
#include "vmbus_fake.h"

#define DEVS	  4u
#define RAM_PAGES 16u

struct input {
	const uint8_t *pos, *end;
};

static uint8_t take_byte(struct input *in)
{
	return in->pos < in->end ? *in->pos++ : 0;
}

static size_t take_bytes(struct input *in, void *buf, size_t len)
{
	size_t left = in->end - in->pos;

	if (len > left)
		len = left;
	memcpy(buf, in->pos, len);
	in->pos += len;
	return len;
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Raw bytes, but small numbers are likelier to mean something. */
static void raw_message(struct fake *f, struct input *in)
{
	uint8_t msg[VMB_MSG_MAX + 8] = { take_byte(in) };
	uint8_t len = take_byte(in);
	uint32_t port = take_byte(in) & 1 ? VMB_PORT_MULTI : VMB_PORT_MESSAGE;

	take_bytes(in, msg + 8, len > 8 ? (len - 8u) % 240 : 0);
	vmbus_server_message(f->srv, port, msg, len);
}

static void lend(struct fake *f, struct input *in)
{
	uint32_t relid = take_byte(in) % 8, handle = take_byte(in) % 16;
	unsigned int n = 1 + take_byte(in) % 60, i;
	uint64_t pfn[60];

	for (i = 0; i < n; i++)
		pfn[i] = FAKE_RAM_PFN + take_byte(in) % (RAM_PAGES + (i == 59));
	fake_gpadl(f, relid, handle, pfn, n);
}

static void child(struct fake *f, struct input *in, uint8_t what)
{
	uint8_t a = take_byte(in);

	switch (what) {
	case 0:
		raw_message(f, in);
		break;
	case 1:
		fake_contact(f, VMB_VERSION(a % 8, take_byte(in) % 8));
		break;
	case 2:
		fake_up(f);
		break;
	case 3:
		lend(f, in);
		break;
	case 4:
		fake_open(f, a % 8, take_byte(in) % 16, take_byte(in),
			  take_byte(in) % 32);
		break;
	case 5:
		fake_relid(f, VMB_MSG_CLOSE, a % 8);
		break;
	case 6:
		fake_teardown(f, a % 8, take_byte(in) % 16);
		break;
	case 7:
		fake_relid(f, VMB_MSG_RELID_RELEASED, a % 8);
		break;
	case 8:
		fake_modify(f, a % 8, take_byte(in));
		break;
	default:
		fake_simple(f, a % 32);
	}
}

static void device(struct fake *f, struct input *in, struct fake_dev *d,
		   uint8_t what)
{
	struct fake_dev *dev = &d[take_byte(in) % DEVS];
	uint8_t a = take_byte(in);

	switch (what) {
	case 0:
		if (!dev->ch)
			fake_offer_sub(f, dev, a % 2, a / 2 % 4);
		break;
	case 1:
		if (dev->ch)
			vmbus_revoke(dev->ch);
		break;
	case 2:
		if (dev->ch)
			vmbus_chan_fail(dev->ch, "fuzz");
		break;
	case 3:
		if (dev->ch && dev->opens == dev->closes)
			vmbus_server_reset(f->srv, fake_done, f);
		break;
	default:
		dev->slow = a & 1;
		dev->open_result = a & 2 ? -ENODEV : 0;
		dev->revoke_in_open = a & 4;
	}
}

/* A slow device says "closed" at last. */
static void finish_close(struct fake_dev *d, unsigned int *finished)
{
	unsigned int i;

	for (i = 0; i < DEVS; i++) {
		if (d[i].ch && d[i].slow && d[i].closes > finished[i])
			vmbus_chan_closed(d[i].ch);
		finished[i] = d[i].closes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct fake_dev d[DEVS] = { { 0 } };
	unsigned int finished[DEVS] = { 0 }, i;
	struct vmbus_server_stats st;
	struct fake *f = fake_new(RAM_PAGES, 0, 100 * MEM_PAGE_SIZE);

	log_set_level(LOG_LEVEL_ERR);
	fake_offer(f, &d[0], 0);
	while (in.pos < in.end) {
		uint8_t cmd = take_byte(&in) % 24;

		if (cmd < 10)
			child(f, &in, cmd);
		else if (cmd < 16)
			device(f, &in, d, cmd - 10);
		else if (cmd < 20)
			fake_run(f);
		else
			finish_close(d, finished);
		vmbus_server_get_stats(f->srv, &st);
		check(st.gpadl_bytes <= 100 * MEM_PAGE_SIZE);
		check(st.gpadls <= 100);
		check(f->connected_fds >= 0 && f->connected_fds <= (int)DEVS);
		for (i = 0; i < DEVS; i++)
			check(d[i].closes <= d[i].opens);
	}
	for (i = 0; i < DEVS; i++)
		d[i].slow = false;
	fake_run(f);
	for (i = 0; i < DEVS; i++)
		if (d[i].ch && !strcmp(vmbus_chan_state(d[i].ch), "closing"))
			vmbus_chan_closed(d[i].ch);
	for (i = 0; i < DEVS; i++)
		if (d[i].ch && !strcmp(vmbus_chan_state(d[i].ch), "revoked"))
			vmbus_chan_closed(d[i].ch);
	fake_free(f);
	for (i = 0; i < DEVS; i++)
		check(!d[i].ch);
	return 0;
}
