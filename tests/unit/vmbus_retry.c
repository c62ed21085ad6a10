// SPDX-License-Identifier: GPL-2.0
/*
 * A device whose host was silent when its driver took it is offered to drivers again,
 * as long as it's there. The kernel's source is compiled as it is, with stand-ins for
 * what it uses.
 *
 * links: util
 * kernel headers: empty
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What retry.c uses of the kernel and its own header, under the same names. */
#define VMBUS_VAR_H
#define HZ 250
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))
#define to_delayed_work(w)	     ((struct delayed_work *)(w))
#define INIT_DELAYED_WORK(w, fn)     ((w)->run = (fn))
#define queue_delayed_work(wq, w, t) ((void)(wq), (w)->due = (t))
#define cancel_delayed_work_sync(w)  ((w)->due = 0)
#define cancel_delayed_work(w)	     ((w)->due = 0)
#define dev_err(...)		     ((void)0)
#define put_device(d)		     ((d)->refs--)

struct work_struct {
	int unused;
};

struct delayed_work {
	struct work_struct work;
	void (*run)(struct work_struct *work);
	unsigned long due;
};

struct device {
	int refs;
};

struct hv_device {
	struct device device;
};

struct vmb_chan {
	struct {
		bool rescind;
	} ch;
	struct delayed_work retry_work;
};

static struct {
	int add_wq;
} vmb;

static struct vmb_chan chan;
static struct hv_device dev;
static bool removed;
static int probe_answer;
static unsigned int probes;

static struct hv_device *vmb_chan_get_device(struct vmb_chan *c)
{
	assert_ptr_equal(c, &chan);
	if (removed)
		return NULL;
	dev.device.refs++;
	return &dev;
}

bool vmb_retry_probe(struct vmb_chan *c, int err);

/* As the driver core does it: 1, bound; 0: it was not. */
static int device_attach(struct device *d)
{
	assert_ptr_equal(d, &dev.device);
	probes++;
	if (!probe_answer)
		return 1;
	vmb_retry_probe(&chan, probe_answer);
	return 0;
}

void vmb_retry_init(struct vmb_chan *c);
void vmb_retry_forget(struct vmb_chan *c);
void vmb_retry_end(struct vmb_chan *c);

#include "../../kernel/vmbus/retry.c"

static int set_up(void **state)
{
	(void)state;
	memset(&chan, 0, sizeof(chan));
	dev.device.refs = 1;
	removed = false;
	probes = 0;
	vmb_retry_init(&chan);
	return 0;
}

static void minutes(unsigned int n)
{
	for (; n; n--) {
		if (!chan.retry_work.due)
			return;
		assert_in_range(chan.retry_work.due, 30 * HZ, 60 * HZ);
		chan.retry_work.due = 0;
		chan.retry_work.run(&chan.retry_work.work);
		assert_int_equal(dev.device.refs, 1);
	}
}

static void test_until_it_speaks(void **state)
{
	(void)state;
	probe_answer = -ETIMEDOUT;
	assert_true(vmb_retry_probe(&chan, -ETIMEDOUT));
	minutes(100);
	assert_int_equal(probes, 100);
	probe_answer = -EBUSY;
	minutes(5);
	assert_int_equal(probes, 105);
	probe_answer = 0;
	minutes(100);
	assert_int_equal(probes, 106);
}

static void test_refusal_is_final(void **state)
{
	(void)state;
	assert_false(vmb_retry_probe(&chan, -EPROTO));
	assert_false(vmb_retry_probe(&chan, -ENODEV));
	assert_false(vmb_retry_probe(&chan, 0));
	minutes(1);
	assert_int_equal(probes, 0);
	probe_answer = -EPROTO;
	assert_true(vmb_retry_probe(&chan, -ETIMEDOUT));
	minutes(100);
	assert_int_equal(probes, 1);
}

static void test_goes_meanwhile(void **state)
{
	(void)state;
	probe_answer = -ETIMEDOUT;
	assert_true(vmb_retry_probe(&chan, -ETIMEDOUT));
	removed = true;
	minutes(10);
	assert_int_equal(probes, 0);

	assert_true(vmb_retry_probe(&chan, -ETIMEDOUT));
	vmb_retry_end(&chan);
	minutes(10);
	assert_int_equal(probes, 0);

	/* Somebody has bound it by hand, and unbound it. */
	removed = false;
	assert_true(vmb_retry_probe(&chan, -ETIMEDOUT));
	vmb_retry_forget(&chan);
	minutes(10);
	assert_int_equal(probes, 0);
	chan.ch.rescind = true;
	assert_false(vmb_retry_probe(&chan, -ETIMEDOUT));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_until_it_speaks, set_up),
		cmocka_unit_test_setup(test_refusal_is_final, set_up),
		cmocka_unit_test_setup(test_goes_meanwhile, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
