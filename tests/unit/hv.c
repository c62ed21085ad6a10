// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor's part that isn't KVM's: CPUID, message slots, event flags,
 * hypercalls, crash reports.  KVM and the VM are played by this file.
 *
 * links: hv mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "flood.h"
#include "hv/hv.h"
#include "hv/tlfs_reg.h"

#define VPS	  2u
#define PAGES	  32u
#define SINT	  2
#define SIMP(vp)  ((4 + 2 * (vp)) * MEM_PAGE_SIZE)
#define SIEFP(vp) ((5 + 2 * (vp)) * MEM_PAGE_SIZE)
#define INPUT	  (12 * MEM_PAGE_SIZE)

static struct mem mem;
static unsigned char ram[PAGES * MEM_PAGE_SIZE]
	__attribute__((aligned(MEM_PAGE_SIZE)));
static struct hv *hv;
static char why[256];

/* ---- the VM, as far as host/hv sees it ---- */

struct vp {
	unsigned int index;
};
static struct vp vps[VPS] = { { 0 }, { 1 } };
static unsigned int kicks[VPS], crashes, crash_grace;
static int irq_fd[VPS], arm_fd[VPS], armed_resample[VPS];
static uint64_t msr_p[8], os_id;
static struct kvm_cpuid_entry2 leaves[16];
static unsigned int nleaves;
static bool invariant_tsc;

/* What KVM says. */
static bool lacks_synic;
static uint32_t kvm_eax = ~0u, kvm_hints = ~0u;
static struct kvm_msr_filter filter;
static struct kvm_hyperv_eventfd last_event;

struct mem *vm_mem(struct vm *vm)
{
	return &mem;
}

int vm_fd(struct vm *vm)
{
	return 1000;
}

int vm_kvm_fd(struct vm *vm)
{
	return 1001;
}

unsigned int vm_processors(const struct vm *vm)
{
	return VPS;
}

struct vp *vm_vp(struct vm *vm, unsigned int index)
{
	return index < VPS ? &vps[index] : NULL;
}

unsigned int vp_index(const struct vp *vp)
{
	return vp->index;
}

int vp_fd(const struct vp *vp)
{
	return 1002 + vp->index;
}

void vp_kick(struct vp *vp)
{
	kicks[vp->index]++;
}

unsigned int vm_sint_gsi(const struct vm *vm, unsigned int vp)
{
	return 24 + vp;
}

int vm_route_sints(struct vm *vm, unsigned int sint)
{
	assert_int_equal(sint, SINT);
	return 0;
}

int vm_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample_fd)
{
	if (resample_fd < 0) {
		irq_fd[gsi - 24] = fd;
	} else {
		assert_int_equal(arm_fd[gsi - 24], -1);
		arm_fd[gsi - 24] = fd;
		armed_resample[gsi - 24] = resample_fd;
	}
	return 0;
}

int vm_irqfd_remove(struct vm *vm, unsigned int gsi, int fd)
{
	assert_int_equal(arm_fd[gsi - 24], fd);
	arm_fd[gsi - 24] = -1;
	return 0;
}

int vp_get_msr(struct vp *vp, uint32_t index, uint64_t *value)
{
	*value = msr_p[index - TLFS_MSR_CRASH_P0];
	return 0;
}

int vp_set_msr(struct vp *vp, uint32_t index, uint64_t value)
{
	if (index == TLFS_MSR_GUEST_OS_ID)
		os_id = value;
	return 0;
}

int vm_set_leaves(struct vm *vm, const struct kvm_cpuid_entry2 *leaf,
		  unsigned int n)
{
	assert_true(n <= 16);
	memcpy(leaves, leaf, n * sizeof(*leaf));
	nleaves = n;
	return 0;
}

bool vm_has_invariant_tsc(struct vm *vm)
{
	return invariant_tsc;
}

void vm_crash(struct vm *vm, const char *text, unsigned int grace_ms)
{
	crashes += text != NULL;
	crash_grace = grace_ms;
}

static void supported_cpuid(struct kvm_cpuid2 *c)
{
	c->nent = 2;
	c->entries[0] = (struct kvm_cpuid_entry2){
		.function = TLFS_LEAF_FEATURES,
		.eax = kvm_eax,
		.ebx = ~0u,
		.edx = ~0u,
	};
	c->entries[1] = (struct kvm_cpuid_entry2){
		.function = TLFS_LEAF_HINTS,
		.eax = kvm_hints,
	};
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	switch (request) {
	case KVM_CHECK_EXTENSION:
		return !(lacks_synic && arg == KVM_CAP_HYPERV_SYNIC2);
	case KVM_ENABLE_CAP:
		return 0;
	case KVM_GET_SUPPORTED_HV_CPUID:
		supported_cpuid((void *)arg);
		return 0;
	case KVM_X86_SET_MSR_FILTER:
		memcpy(&filter, (void *)arg, sizeof(filter));
		return 0;
	case KVM_HYPERV_EVENTFD:
		memcpy(&last_event, (void *)arg, sizeof(last_event));
		return 0;
	default:
		fail_msg("unexpected ioctl 0x%lx", request);
		return -1;
	}
}

/* ---- the guest ---- */

static uint32_t got_connection, got_type, got_size, got_messages;
static unsigned char got[TLFS_PAYLOAD_MAX];
static uint16_t answer;
static uint64_t crash_param[5], crash_control;

static uint16_t on_message(void *priv, uint32_t connection, uint32_t type,
			   const void *payload, uint32_t size)
{
	got_connection = connection;
	got_type = type;
	got_size = size;
	memcpy(got, payload, size);
	got_messages++;
	return answer;
}

static void on_crash(void *priv, const uint64_t param[5], uint64_t control)
{
	memcpy(crash_param, param, sizeof(crash_param));
	crash_control = control;
}

static void synic(unsigned int vp, uint64_t control, uint64_t simp,
		  uint64_t siefp)
{
	struct kvm_hyperv_exit e = {
		.type = KVM_EXIT_HYPERV_SYNIC,
		.u.synic = {
			.msr = TLFS_MSR_SCONTROL,
			.control = control,
			.msg_page = simp,
			.evt_page = siefp,
		},
	};

	hv_exit(hv, &vps[vp], &e);
	hv_enter(hv, &vps[vp]);
}

static void synic_on(unsigned int vp)
{
	synic(vp, 1, SIMP(vp) | 1, SIEFP(vp) | 1);
}

static struct tlfs_message *slot(unsigned int vp)
{
	return (struct tlfs_message *)(ram + SIMP(vp)) + SINT;
}

static __u64 *flags(unsigned int vp)
{
	return ((struct tlfs_flags_page *)(ram + SIEFP(vp)))->sint[SINT];
}

/* True when the VP was interrupted since the last call. */
static bool interrupted(unsigned int vp)
{
	eventfd_t count;

	return !eventfd_read(irq_fd[vp], &count);
}

static uint64_t call(uint64_t input, uint64_t p0)
{
	struct kvm_hyperv_exit e = {
		.type = KVM_EXIT_HYPERV_HCALL,
		.u.hcall = { .input = input, .result = ~0ull, .params = { p0 } },
	};

	hv_exit(hv, &vps[0], &e);
	return e.u.hcall.result;
}

static int start(void)
{
	static const struct hv_ops ops = { on_message, on_crash };

	return hv_create(NULL, &ops, NULL, &hv, why, sizeof(why));
}

static int setup(void **state)
{
	memset(ram, 0xaa, sizeof(ram));
	mem_init(&mem);
	memset(kicks, 0, sizeof(kicks));
	arm_fd[0] = -1;
	arm_fd[1] = -1;
	crashes = 0;
	crash_grace = 1;
	got_messages = 0;
	answer = 0;
	return mem_add(&mem, 0, sizeof(ram), ram) || start();
}

static int teardown(void **state)
{
	hv_destroy(hv);
	assert_int_equal(arm_fd[0], -1);
	assert_int_equal(arm_fd[1], -1);
	return 0;
}

/* ---- CPUID ---- */

static void test_leaves(void **state)
{
	assert_int_equal(nleaves, 6);
	assert_int_equal(leaves[0].function, 0x40000000);
	assert_int_equal(leaves[0].eax, 0x40000005);
	assert_memory_equal(&leaves[0].ebx, "Micr", 4);
	assert_memory_equal(&leaves[0].ecx, "osof", 4);
	assert_memory_equal(&leaves[0].edx, "t Hv", 4);
	assert_memory_equal(&leaves[1].eax, "Hv#1", 4);
	/* Never: guest idle, partition id, CPU management, isolation, nesting. */
	assert_int_equal(leaves[3].eax & 1u << 10, 0);
	assert_int_equal(leaves[3].ebx, 0x30);
	assert_int_equal(leaves[4].eax & 1u << 12, 0);
	/* Both or neither, and no control over what isn't there. */
	assert_int_equal(leaves[3].eax & 1u << 15, 0);
	assert_true(leaves[3].eax & 1u << 11);
	assert_true(leaves[3].edx & 1u << 8);
	assert_true(leaves[3].edx & 1u << 19);
	assert_int_equal(leaves[5].eax, VM_VPS_MAX);
}

static void restart(void)
{
	hv_destroy(hv);
	hv = NULL;
	assert_int_equal(start(), 0);
}

static void test_leaves_of_less(void **state)
{
	invariant_tsc = true;
	restart();
	assert_true(leaves[3].eax & 1u << 15);
	kvm_eax = 0x27f; /* no frequencies, no invariant TSC */
	kvm_hints = 0;
	restart();
	assert_int_equal(leaves[3].eax, 0x27f);
	assert_int_equal(leaves[3].edx & 1u << 8, 0);
	/* Advice that KVM needn't know of stays. */
	assert_int_equal(leaves[4].eax, 1u << 5 | 1u << 9);
	hv_destroy(hv);
	hv = NULL;
	kvm_eax = 0x10;
	assert_true(start() < 0);
	kvm_eax = ~0u;
	kvm_hints = ~0u;
	invariant_tsc = false;
	lacks_synic = true;
	assert_int_equal(start(), -ENOTSUP);
	lacks_synic = false;
	assert_non_null(strstr(why, "KVM_CAP_HYPERV_SYNIC2"));
	assert_non_null(strstr(why, "with-root-partition"));
}

/* ---- messages ---- */

static void test_message(void **state)
{
	assert_int_equal(hv_post(hv, 0, SINT, 1, "hello", 5), 0);
	assert_int_equal(kicks[0], 1);
	hv_enter(hv, &vps[0]);
	assert_int_equal(ram[SIMP(0)], 0xaa); /* not before it is switched on */
	synic_on(0);
	assert_int_equal(slot(0)->type, 1);
	assert_int_equal(slot(0)->size, 5);
	assert_int_equal(slot(0)->flags, 0);
	assert_memory_equal(slot(0)->payload, "hello", 5);
	assert_true(interrupted(0));
	assert_int_equal(ram[SIMP(0)], 0); /* the page was cleared first */
	assert_int_equal(ram[SIMP(1)], 0xaa);
	assert_int_equal(arm_fd[0], -1);
}

static void test_message_refused(void **state)
{
	static char big[TLFS_PAYLOAD_MAX + 1];

	assert_int_equal(hv_post(hv, VPS, SINT, 1, big, 1), -EINVAL);
	assert_int_equal(hv_post(hv, 0, 3, 1, big, 1), -EINVAL);
	assert_int_equal(hv_post(hv, 0, SINT, 0, big, 1), -EINVAL);
	assert_int_equal(hv_post(hv, 0, SINT, 1, big, sizeof(big)), -EINVAL);
	assert_int_equal(hv_post(hv, 0, SINT, 1, big, sizeof(big) - 1), 0);
}

/* Three messages, one slot: pending, end of message, the next one. */
static void test_busy_slot(void **state)
{
	struct hv_stats stats;

	synic_on(1);
	interrupted(1);
	hv_post(hv, 1, SINT, 1, "a", 1);
	hv_post(hv, 1, SINT, 1, "b", 1);
	hv_post(hv, 1, SINT, 1, "c", 1);
	hv_enter(hv, &vps[1]);
	assert_int_equal(slot(1)->payload[0], 'a');
	assert_int_equal(slot(1)->flags, TLFS_MSG_PENDING);
	assert_int_not_equal(arm_fd[1], -1);
	assert_true(interrupted(1));

	/* Nothing while the slot is taken. */
	hv_enter(hv, &vps[1]);
	assert_int_equal(slot(1)->payload[0], 'a');
	assert_false(interrupted(1));

	/* The guest frees it and writes EOM; KVM tells by the resample fd. */
	slot(1)->type = 0;
	kicks[1] = 0;
	assert_int_equal(armed_resample[1], hv_resample_fd(hv));
	eventfd_write(hv_resample_fd(hv), 1);
	hv_resample(hv);
	assert_int_equal(kicks[1], 1);
	assert_int_equal(kicks[0], 0);
	hv_enter(hv, &vps[1]);
	assert_int_equal(slot(1)->payload[0], 'b');
	assert_int_equal(slot(1)->flags, TLFS_MSG_PENDING);
	assert_true(interrupted(1));

	slot(1)->type = 0;
	hv_enter(hv, &vps[1]);
	assert_int_equal(slot(1)->payload[0], 'c');
	assert_int_equal(slot(1)->flags, 0);
	assert_int_equal(arm_fd[1], -1); /* no more to wait for */

	slot(1)->type = 0;
	eventfd_write(hv_resample_fd(hv), 1);
	kicks[1] = 0;
	hv_resample(hv);
	assert_int_equal(kicks[1], 0);
	hv_get_stats(hv, &stats);
	assert_int_equal(stats.messages_posted, 3);
	assert_int_equal(stats.messages_retried, 2);
	assert_int_equal(stats.messages_dropped, 0);
}

static void test_queue_bound(void **state)
{
	struct hv_stats stats;
	unsigned int n = 0, crowded = 0;

	while (!hv_post(hv, 0, SINT, 1, "x", 1)) {
		assert_true(++n < 100000);
		if (!crowded && hv_posts_crowded(hv))
			crowded = n;
	}
	/* Each message that the bridge may have in hand can be answered. */
	assert_int_equal(crowded, n - 256);
	assert_int_equal(hv_post(hv, 0, SINT, 1, "x", 1), -ENOMEM);
	assert_int_equal(hv_post(hv, 1, SINT, 1, "x", 1), 0);
	assert_true(hv_posts_crowded(hv));
	hv_drop_posts(hv);
	assert_false(hv_posts_crowded(hv));
	hv_get_stats(hv, &stats);
	assert_int_equal(stats.messages_dropped, n + 3);
	synic_on(0);
	assert_int_equal(slot(0)->type, 0);
	assert_int_equal(hv_post(hv, 0, SINT, 1, "x", 1), 0);
}

static void test_pages(void **state)
{
	synic_on(0);
	slot(0)->type = 7;
	/* Switched on already: not cleared again. */
	synic_on(0);
	assert_int_equal(slot(0)->type, 7);
	assert_true(interrupted(0)); /* what lies there may have been missed */
	/* Moved: the new page is cleared, the old one left alone. */
	synic(0, 1, SIMP(1) | 1, SIEFP(0) | 1);
	assert_int_equal(slot(0)->type, 7);
	assert_int_equal(ram[SIMP(1)], 0);
	/* Off: messages wait. */
	synic(0, 1, 0, 0);
	hv_post(hv, 0, SINT, 1, "x", 1);
	hv_enter(hv, &vps[0]);
	synic(0, 0, SIMP(0) | 1, SIEFP(0) | 1);
	assert_int_equal(slot(0)->type, 0);
	synic_on(0);
	assert_int_equal(slot(0)->type, 1);
	/* No memory there: nothing is written anywhere, nothing breaks. */
	synic(0, 1, (PAGES * MEM_PAGE_SIZE) | 1, ~0ull);
	hv_post(hv, 0, SINT, 1, "x", 1);
	hv_enter(hv, &vps[0]);
	assert_false(hv_signal(hv, 0, SINT, 1));
}

/* ---- event flags ---- */

static void test_flags(void **state)
{
	assert_false(hv_signal(hv, 0, SINT, 5));
	synic_on(0);
	interrupted(0);
	assert_true(hv_signal(hv, 0, SINT, 5));
	assert_true(interrupted(0));
	assert_false(hv_signal(hv, 0, SINT, 5));
	assert_false(interrupted(0));
	assert_true(hv_signal(hv, 0, SINT, 2047));
	assert_int_equal(flags(0)[0], 1u << 5);
	assert_true(flags(0)[31] == 1ull << 63);
	assert_false(hv_signal(hv, 0, SINT, 2048));
	assert_false(hv_signal(hv, VPS, SINT, 1));
	assert_false(hv_signal(hv, 0, 3, 1));
	/* The guest takes it; the next one interrupts again. */
	flags(0)[0] = 0;
	interrupted(0);
	assert_true(hv_signal(hv, 0, SINT, 5));
	assert_true(interrupted(0));
	synic(0, 0, SIMP(0) | 1, SIEFP(0) | 1);
	assert_false(hv_signal(hv, 0, SINT, 6));
	hv_reset(hv);
	assert_false(hv_signal(hv, 0, SINT, 6));
}

static void test_connections(void **state)
{
	assert_int_equal(hv_connect_event(hv, 0x10001, 42), 0);
	assert_int_equal(last_event.conn_id, 0x10001);
	assert_int_equal(last_event.fd, 42);
	assert_int_equal(last_event.flags, 0);
	hv_disconnect_event(hv, 0x10001, 42);
	assert_int_equal(last_event.flags, KVM_HYPERV_EVENTFD_DEASSIGN);
}

/* ---- hypercalls ---- */

static struct tlfs_post_message *input(void)
{
	struct tlfs_post_message *m = (void *)(ram + INPUT);

	memset(m, 0, sizeof(*m));
	m->connection = 4;
	m->type = 1;
	m->size = 8;
	memcpy(m->payload, "payload!", 8);
	return m;
}

static void test_post_message(void **state)
{
	input();
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT), 0);
	assert_int_equal(got_messages, 1);
	assert_int_equal(got_connection, 4);
	assert_int_equal(got_type, 1);
	assert_int_equal(got_size, 8);
	assert_memory_equal(got, "payload!", 8);
	answer = TLFS_STATUS_NO_BUFFERS;
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT),
			 TLFS_STATUS_NO_BUFFERS);
	got_messages = 0;

	assert_int_equal(call(TLFS_CALL_POST_MESSAGE | TLFS_CALL_FAST, INPUT),
			 TLFS_STATUS_INVALID_INPUT);
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT + 4),
			 TLFS_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT + 0xf08),
			 TLFS_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, sizeof(ram)),
			 TLFS_STATUS_INVALID_INPUT);
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, ~0xfffull),
			 TLFS_STATUS_INVALID_INPUT);
	input()->size = TLFS_PAYLOAD_MAX + 1;
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT),
			 TLFS_STATUS_INVALID_PARAMETER);
	input()->type = 0;
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT),
			 TLFS_STATUS_INVALID_PARAMETER);
	input()->type = 0x80000001;
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT),
			 TLFS_STATUS_INVALID_PARAMETER);
	input()->connection = 0x1000004;
	assert_int_equal(call(TLFS_CALL_POST_MESSAGE, INPUT),
			 TLFS_STATUS_INVALID_CONNECTION);
	assert_int_equal(got_messages, 0);
}

static void test_other_calls(void **state)
{
	assert_int_equal(call(TLFS_CALL_SIGNAL_EVENT | TLFS_CALL_FAST, 77),
			 TLFS_STATUS_INVALID_CONNECTION);
	assert_int_equal(call(0x8001, 0), TLFS_STATUS_INVALID_CODE);
	assert_int_equal(call(0, 0), TLFS_STATUS_INVALID_CODE);
}

/* ---- crash ---- */

static bool filtered(uint32_t index, uint32_t flag)
{
	unsigned int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *r = &filter.ranges[i];

		if (r->nmsrs == 1 && r->base == index && (r->flags & flag) &&
		    !(r->bitmap[0] & 1))
			return true;
	}
	return false;
}

static void test_crash(void **state)
{
	uint64_t v = 0;

	assert_true(filtered(TLFS_MSR_CRASH_CTL, KVM_MSR_FILTER_READ));
	assert_true(filtered(TLFS_MSR_CRASH_CTL, KVM_MSR_FILTER_WRITE));
	assert_true(filtered(TLFS_MSR_GUEST_OS_ID, KVM_MSR_FILTER_WRITE));
	assert_false(filtered(TLFS_MSR_GUEST_OS_ID, KVM_MSR_FILTER_READ));
	assert_int_equal(hv_msr(hv, &vps[0], false, TLFS_MSR_CRASH_CTL, &v), 0);
	assert_true(v == (TLFS_CRASH_NOTIFY | TLFS_CRASH_MESSAGE));

	v = 0;
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v), 0);
	assert_int_equal(crashes, 0);
	msr_p[0] = 11;
	msr_p[4] = 55;
	v = TLFS_CRASH_NOTIFY;
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v), 0);
	assert_int_equal(crashes, 1);
	assert_int_equal(crash_grace, VM_CRASH_GRACE_MS);
	assert_int_equal(crash_param[0], 11);
	assert_int_equal(crash_param[4], 55);
	assert_true(crash_control == TLFS_CRASH_NOTIFY);

	/* A log that lies elsewhere, or is too long, is none. */
	v = TLFS_CRASH_NOTIFY | TLFS_CRASH_MESSAGE;
	msr_p[3] = INPUT;
	msr_p[4] = 12;
	memcpy(ram + INPUT, "<0>Oops\nhm\n\n", 12);
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v), 0);
	msr_p[3] = ~0ull - 5;
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v), 0);
	msr_p[3] = 0;
	msr_p[4] = 4097;
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v), 0);
	assert_int_equal(crashes, 4);
	assert_true(crash_grace < VM_CRASH_GRACE_MS);
}

/* One that reports its log again and again, and resets in between. */
static void test_crash_flood(void **state)
{
	uint64_t v = TLFS_CRASH_NOTIFY | TLFS_CRASH_MESSAGE;
	struct flood f;
	unsigned int i;

	memset(ram + INPUT, 'x', 4096);
	for (i = 1; i < 4096; i += 2)
		ram[INPUT + i] = '\n';
	msr_p[3] = INPUT;
	msr_p[4] = 4096;
	flood_begin(&f);
	for (i = 0; i < 100; i++) {
		hv_msr(hv, &vps[0], true, TLFS_MSR_CRASH_CTL, &v);
		if (i % 4 == 3)
			hv_reset(hv);
	}
	flood_end(&f);
	/* One whole log, and a few lines about the others. */
	assert_in_range(f.lines, 129, 150);
	assert_int_equal(crashes, 100);
}

static void test_os_id(void **state)
{
	uint64_t v = 0x8100000601c00000ull;

	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_GUEST_OS_ID, &v),
			 0);
	assert_true(os_id == v);
	assert_int_equal(crash_grace, 1);
	/* The old kernel leaves: no deadline for the next one. */
	v = 0;
	assert_int_equal(hv_msr(hv, &vps[0], true, TLFS_MSR_GUEST_OS_ID, &v),
			 0);
	assert_int_equal(crash_grace, 0);
	assert_int_equal(crashes, 0);
	assert_int_equal(os_id, 0);
	assert_true(hv_msr(hv, &vps[0], true, 0x40000001, &v) < 0);
	assert_true(hv_msr(hv, &vps[0], false, TLFS_MSR_GUEST_OS_ID, &v) < 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_leaves),	TEST(test_leaves_of_less),
		TEST(test_message),	TEST(test_message_refused),
		TEST(test_busy_slot),	TEST(test_queue_bound),
		TEST(test_pages),	TEST(test_flags),
		TEST(test_connections), TEST(test_post_message),
		TEST(test_other_calls), TEST(test_crash),
		TEST(test_crash_flood), TEST(test_os_id),
	};

	return cmocka_run_group_tests_name("hv", tests, NULL, NULL);
}
