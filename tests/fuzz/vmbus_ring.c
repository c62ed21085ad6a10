// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of an open channel under a child that writes anything anywhere in
 * them, between any two calls of the device.
 *
 * links: vmbus mem util
 */
#define FAKE_POSTS 64
#include "vmbus_fake.h"

#define RING_PAGES 8u
#define FIRST_PAGE 4u

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* What a device does with a packet: look at all of it, and at its ranges. */
static void use_packet(struct fake *f, const struct vmbus_packet *pkt,
		       const uint8_t *buf, size_t size)
{
	const uint8_t *p = pkt->header, *q = pkt->data;
	struct vmbus_gpa_iter it;
	struct iovec iov[16];
	uint64_t sum = 0;
	uint32_t i, len;
	int n, k;

	check(p >= buf && p + pkt->header_len <= buf + size);
	check(q >= buf && q + pkt->data_len <= buf + size);
	for (i = 0; i < pkt->header_len; i++)
		sum += p[i];
	for (i = 0; i < pkt->data_len; i++)
		sum += q[i];
	check(sum <= 255ull * size);
	n = vmbus_gpa_first(pkt, &it);
	check(n == -EPROTO || n >= 1);
	while (n-- > 0) {
		k = vmbus_gpa_next(&f->mem, &it, iov, 16, &len);
		check(k <= 16 && k != -ENODATA);
		for (; k > 0; k--) {
			uint8_t *at = iov[k - 1].iov_base;

			check(at >= f->ram && iov[k - 1].iov_len);
			check(at + iov[k - 1].iov_len <=
			      f->ram + f->npages * MEM_PAGE_SIZE);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct fake *f = fake_new(16, 0, 0);
	struct fake_dev d = { 0 };
	uint8_t *ring = f->ram + FIRST_PAGE * MEM_PAGE_SIZE;
	uint64_t buf[256];
	struct vmbus_packet pkt;
	int n;

	log_set_level(LOG_LEVEL_ERR);
	fake_offer(f, &d, 1);
	fake_up(f);
	fake_gpadl_at(f, 1, 1, FIRST_PAGE, RING_PAGES);
	fake_open(f, 1, 1, 0, RING_PAGES / 2);
	check(d.opens == 1);
	while (end - data >= 4) {
		uint8_t cmd = data[0], len = data[3];
		/* Mostly near the start of one of the four interesting pages. */
		uint32_t at = (data[1] % RING_PAGES * MEM_PAGE_SIZE) +
			      (cmd & 0x80 ? data[2] * 8u : data[2] % 72u);

		data += 4;
		switch (cmd % 8) {
		case 0:
		case 1:
			if (len > end - data)
				len = end - data;
			memcpy(ring + at, data, len);
			data += len;
			break;
		case 2:
			n = vmbus_chan_recv(d.ch, buf,
					    sizeof(buf) - len % 8 * 256, &pkt);
			check(n == 0 || n == 1 || n == -EPROTO ||
			      n == -EMSGSIZE);
			if (n == 1)
				use_packet(f, &pkt, (uint8_t *)buf,
					   sizeof(buf));
			break;
		case 3:
			n = vmbus_chan_send(d.ch, len, cmd, at, f->ram,
					    data[-2], f->ram, len * 64u);
			check(n == 0 || n == -EAGAIN || n == -EMSGSIZE ||
			      n == -EPROTO);
			break;
		case 4:
			vmbus_chan_flush(d.ch);
			break;
		case 5:
			vmbus_chan_mask(d.ch);
			break;
		case 6:
			vmbus_chan_unmask(d.ch);
			break;
		default:
			/* A new child, a new try; the rings as they are. */
			fake_relid(f, VMB_MSG_CLOSE, 1);
			fake_run(f);
			fake_open(f, 1, 1, 0, 2 + at % 8);
			if (strcmp(vmbus_chan_state(d.ch), "open"))
				goto out;
		}
	}
out:
	fake_free(f);
	return 0;
}
