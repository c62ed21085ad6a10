// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of network channels: each does to the packet, or to the receive
 * buffer, what its name says, and to nothing else.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"
#include "vmbus/fault.h"
#include "vmbus_fake.h"

#define HANDLE	  0x77
#define FIRST	  100 /* page of the receive buffer */
#define AT	  64u /* of the message, in it */
#define RING_DATA (11 * 4096)

struct header {
	uint16_t set;
	uint8_t sender_owns, reserved;
	uint32_t range_count;
	struct ring_xfer_range range[2];
};

struct message {
	struct rndis_packet p;
	struct rndis_ppi ppi;
	uint32_t value;
	uint8_t data[60];
};

static struct fake *f;
static struct fake_dev dev;
static struct vmbus_buffer *buffer;
static struct message *m; /* in the receive buffer */

static void start(const char *fault)
{
	char why[1024], spec[64];
	struct vmbus_offer o = {
		.type = VMB_GUID_SCSI,
		.instance = { { 1 } },
		.flags = VMB_OFFER_ENUMERATE,
		.name = "net0",
	};

	log_set_level(LOG_LEVEL_ERR);
	memset(&dev, 0, sizeof(dev));
	f = fake_new(512, 0, 0);
	snprintf(spec, sizeof(spec), "net0:do=%s,count=1", fault);
	if (vmbus_fault_add(f->srv, spec, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(vmbus_offer(f->srv, &o, &fake_dev_ops, &dev, &dev.ch),
			 0);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_gpadl_at(f, 1, HANDLE, FIRST, 4);
	assert_int_equal(vmbus_buffer_get(dev.ch, HANDLE, &buffer), 0);
	vmbus_fault_buffer(dev.ch, buffer);
	m = (struct message *)(f->ram + FIRST * 4096 + AT);
	memset(m, 0, sizeof(*m));
	m->p.type = RNDIS_PACKET;
	m->p.len = sizeof(*m);
	m->p.data_offset = offsetof(struct message, data) - RNDIS_OFFSET_BASE;
	m->p.data_len = sizeof(m->data);
	m->p.ppi_offset = RNDIS_PACKET_PPI_OFFSET;
	m->p.ppi_len = sizeof(m->ppi) + sizeof(m->value);
	m->ppi.size = m->p.ppi_len;
	m->ppi.type = RNDIS_PPI_CHECKSUM;
	m->ppi.offset = sizeof(m->ppi);
}

static void stop(void)
{
	vmbus_fault_buffer(dev.ch, NULL);
	vmbus_buffer_put(buffer);
	fake_free(f);
}

/* Two ranges: the message, and another one.  The header that the child sees. */
static const struct header *transfer(void)
{
	const struct header h = {
		.set = NVS_RECV_BUF_ID,
		.range_count = 2,
		.range = { { sizeof(*m), AT }, { 100, 4096 } },
	};
	const struct nvs_msg msg = { .type = NVS_RNDIS };

	assert_int_equal(vmbus_chan_send(dev.ch, RING_PKT_XFER_PAGES, 0, 5, &h,
					 sizeof(h), &msg, sizeof(msg)),
			 0);
	vmbus_chan_flush(dev.ch);
	return (const struct header *)(f->ram + RING_DATA +
				       sizeof(struct ring_pkt));
}

static void test_ranges(void **state)
{
	const struct header *h;

	(void)state;
	start("pageset");
	h = transfer();
	assert_int_not_equal(h->set, NVS_RECV_BUF_ID);
	assert_int_equal(h->range_count, 2);
	stop();
	start("range-count");
	h = transfer();
	assert_int_equal(h->set, NVS_RECV_BUF_ID);
	assert_int_equal(h->range_count, UINT32_MAX);
	stop();
	start("range-offset");
	h = transfer();
	assert_true(h->range[0].offset > 4 * 4096);
	assert_int_equal(h->range[0].len, sizeof(*m));
	assert_int_equal(h->range[1].offset, 4096);
	stop();
	start("range-length");
	h = transfer();
	assert_int_equal(h->range[0].len + h->range[0].offset, 0);
	stop();
	start("range-short");
	h = transfer();
	assert_true(h->range[0].len < sizeof(struct rndis_header));
	assert_int_equal(h->range[1].len, 100);
	stop();
}

/* One 32-bit word of the message is another one afterwards, by name. */
static void test_messages(void **state)
{
	static const struct {
		const char *fault;
		size_t offset;
	} lies[] = {
		{ "rndis-type", offsetof(struct message, p.type) },
		{ "rndis-length", offsetof(struct message, p.len) },
		{ "rndis-short", offsetof(struct message, p.len) },
		{ "data-offset", offsetof(struct message, p.data_offset) },
		{ "data-length", offsetof(struct message, p.data_len) },
		{ "data-short", offsetof(struct message, p.data_len) },
		{ "ppi-offset", offsetof(struct message, p.ppi_offset) },
		{ "ppi-length", offsetof(struct message, p.ppi_len) },
		{ "ppi-loop", offsetof(struct message, ppi.size) },
		{ "ppi-size", offsetof(struct message, ppi.size) },
		{ "ppi-value", offsetof(struct message, ppi.offset) },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct message was;
		const struct header *h;
		uint32_t word;

		start(lies[i].fault);
		was = *m;
		h = transfer();
		assert_int_equal(h->range[0].offset, AT);
		memcpy(&word, (uint8_t *)m + lies[i].offset, sizeof(word));
		assert_memory_not_equal(&word, (uint8_t *)&was + lies[i].offset,
					sizeof(word));
		memcpy((uint8_t *)&was + lies[i].offset, &word, sizeof(word));
		assert_memory_equal(m, &was, sizeof(was));
		stop();
	}
}

static void test_rsc(void **state)
{
	struct rndis_packet_id id;

	(void)state;
	start("rsc-middle");
	transfer();
	assert_int_equal(m->ppi.type, RNDIS_PPI_PACKET_ID);
	memcpy(&id, &m->value, sizeof(id));
	assert_int_equal(id.flags,
			 RNDIS_PACKET_ID_FRAGMENT | RNDIS_PACKET_ID_LAST);
	stop();
	start("rsc-open");
	transfer();
	memcpy(&id, &m->value, sizeof(id));
	assert_int_equal(id.flags,
			 RNDIS_PACKET_ID_FRAGMENT | RNDIS_PACKET_ID_FIRST);
	stop();
}

/* Without a buffer, or behind its end, nothing is touched. */
static void test_no_buffer(void **state)
{
	struct message was;

	(void)state;
	start("ppi-loop");
	was = *m;
	vmbus_fault_buffer(dev.ch, NULL);
	transfer();
	assert_memory_equal(m, &was, sizeof(was));
	vmbus_fault_buffer(dev.ch, buffer);
	transfer();
	assert_int_equal(m->ppi.size, 0);
	stop();
}

static void test_queries(void **state)
{
	static const char *const names[] = { "answer-id", "answer-length",
					     "answer-offset" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct rndis_query_c *a;

		start(names[i]);
		a = (struct rndis_query_c *)m;
		memset(a, 0, sizeof(*m));
		a->type = RNDIS_QUERY_C;
		a->request = 9;
		a->info_len = 4;
		a->info_offset = RNDIS_QUERY_C_INFO_OFFSET;
		transfer();
		assert_int_equal(a->request != 9, i == 0);
		assert_int_equal(a->info_len != 4, i == 1);
		assert_int_equal(a->info_offset != RNDIS_QUERY_C_INFO_OFFSET,
				 i == 2);
		stop();
	}
}

static uint32_t written(void)
{
	const struct ring_ctl *ctl =
		(const struct ring_ctl *)(f->ram + RING_DATA - 4096);

	return ctl->write_index;
}

static void answer(uint32_t type)
{
	struct rndis_set_c *a = (struct rndis_set_c *)m;

	memset(a, 0, sizeof(*m));
	a->type = type;
	transfer();
}

static void test_refused(void **state)
{
	const struct rndis_set_c *a;

	(void)state;
	start("set-refused");
	a = (const struct rndis_set_c *)m;
	answer(RNDIS_QUERY_C);
	assert_int_equal(a->status, RNDIS_STATUS_SUCCESS);
	answer(RNDIS_SET_C);
	assert_int_not_equal(a->status, RNDIS_STATUS_SUCCESS);
	stop();
}

/* What is withheld isn't in the ring; what is late comes behind others. */
static void test_withheld(void **state)
{
	uint32_t one;

	(void)state;
	start("answer-lost");
	transfer();
	one = written();
	assert_int_not_equal(one, 0);
	answer(RNDIS_SET_C);
	assert_int_equal(written(), one);
	answer(RNDIS_SET_C);
	assert_int_equal(written(), 2 * one);
	stop();

	start("answer-late,times=2");
	answer(RNDIS_QUERY_C);
	assert_int_equal(written(), 0);
	transfer();
	assert_int_equal(written(), one);
	transfer();
	assert_int_equal(written(), 3 * one);
	transfer();
	assert_int_equal(written(), 4 * one);
	stop();
}

static void test_vf(void **state)
{
	const struct nvs_msg *msg;

	(void)state;
	start("vf-added");
	transfer();
	msg = (const struct nvs_msg *)(f->ram + RING_DATA +
				       sizeof(struct ring_pkt));
	assert_int_equal(msg->type, NVS_VF_ASSOCIATION);
	assert_int_equal(msg->u.vf_association.allocated, 1);
	stop();
	start("vf-removed");
	transfer();
	msg = (const struct nvs_msg *)(f->ram + RING_DATA +
				       sizeof(struct ring_pkt));
	assert_int_equal(msg->type, NVS_VF_ASSOCIATION);
	assert_int_equal(msg->u.vf_association.allocated, 0);
	stop();
}

/* A completion with this message: what the child gets. */
static const struct nvs_msg *complete(const struct nvs_msg *msg)
{
	assert_int_equal(vmbus_chan_send(dev.ch, RING_PKT_COMPLETION, 0, 5,
					 NULL, 0, msg, sizeof(*msg)),
			 0);
	vmbus_chan_flush(dev.ch);
	return (const struct nvs_msg *)(f->ram + RING_DATA +
					sizeof(struct ring_pkt));
}

static void test_answers(void **state)
{
	struct nvs_msg msg = { .type = NVS_RECV_BUF_DONE };

	(void)state;
	msg.u.recv_buf_done.section.size = 1806;
	msg.u.recv_buf_done.section.count = 9;
	start("recv-sections");
	assert_int_equal(complete(&msg)->u.recv_buf_done.section.count,
			 UINT32_MAX);
	stop();
	start("recv-section-size");
	assert_int_equal(complete(&msg)->u.recv_buf_done.section.size, 0);
	stop();
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_SEND_BUF_DONE;
	msg.u.send_buf_done.section_size = 6144;
	start("send-section-zero");
	assert_int_equal(complete(&msg)->u.send_buf_done.section_size, 0);
	stop();
	start("send-section-huge");
	assert_true(complete(&msg)->u.send_buf_done.section_size > 1u << 30);
	stop();
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_SUBCHANNEL;
	msg.u.subchannel_done.count = 3;
	start("subchannels");
	assert_int_equal(complete(&msg)->u.subchannel_done.count, UINT32_MAX);
	stop();
}

static void test_tables(void **state)
{
	static const char *const names[] = { "table-count", "table-offset",
					     "table-entry" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const struct nvs_send_table_msg *t;

		start(names[i]);
		transfer();
		t = (const struct nvs_send_table_msg *)(f->ram + RING_DATA +
							sizeof(struct ring_pkt));
		assert_int_equal(t->type, NVS_SEND_TABLE);
		assert_int_equal(t->count != NVS_SEND_TABLE_COUNT, i == 0);
		assert_int_equal(t->offset != NVS_SEND_TABLE_OFFSET, i == 1);
		assert_int_equal(t->table[3] == UINT32_MAX, i == 2);
		stop();
	}
}

/* They are network channels' alone. */
static void test_names(void **state)
{
	char why[1024];

	(void)state;
	f = fake_new(8, 0, 0);
	assert_int_equal(vmbus_fault_add(f->srv, "scsi0:do=ppi-loop", why,
					 sizeof(why)),
			 -EINVAL);
	assert_non_null(strstr(why, "silence or socket"));
	assert_int_equal(vmbus_fault_add(f->srv, "net0:do=ppi-lop", why,
					 sizeof(why)),
			 -EINVAL);
	assert_non_null(strstr(why, "ppi-loop, "));
	assert_non_null(strstr(why, "table-offset or table-entry"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_rsc),
		cmocka_unit_test(test_no_buffer),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_vf),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
