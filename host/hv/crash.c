// SPDX-License-Identifier: GPL-2.0
/*
 * Crash reports (TLFS 2.10).  A guest writes five parameters and then the
 * control register: bit 63 alone means registers, with bit 62 P3 and P4 are
 * address and length of a piece of its log.  Linux sends the registers before
 * it closes VMBus and the log afterwards, as the last thing that it does.
 *
 * KVM keeps the parameters.  Control is taken from it by a filter, since KVM
 * would hide bit 62; GUEST_OS_ID too, since its turning 0 is how a dump kernel
 * announces itself.  Both are written a few times in a guest's life.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hv_var.h"
#include "util/now.h"

#define CRASH_LOG_MAX	   4096u
#define CRASH_LOG_LINES	   128u		 /* of that */
#define CRASH_LOG_NS	   5000000000ull /* from one log to the next that is shown */
#define CRASH_REPORTS_TOLD 8u	 /* a guest may report as often as it likes */
#define GRACE_LOG_MS	   5000u /* after the log only a dump kernel can come */

int crash_filter(struct hv *hv)
{
	static __u8 deny;
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges = {
			{
				.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
				.nmsrs = 1,
				.base = TLFS_MSR_CRASH_CTL,
				.bitmap = &deny,
			},
			{
				.flags = KVM_MSR_FILTER_WRITE,
				.nmsrs = 1,
				.base = TLFS_MSR_GUEST_OS_ID,
				.bitmap = &deny,
			},
		},
	};
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_FILTER },
	};
	int fd = vm_fd(hv->vm);

	/* Without them: registers only, by KVM_SYSTEM_EVENT_CRASH. */
	if (ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) <= 0 ||
	    ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_USER_SPACE_MSR) <= 0)
		return 0;
	if (ioctl(fd, KVM_ENABLE_CAP, &cap) ||
	    ioctl(fd, KVM_X86_SET_MSR_FILTER, &filter))
		return -errno;
	return 0;
}

/* A guest that crashes and resets all the time has many of them. */
static bool log_is_due(struct hv *hv)
{
	uint_fast64_t last = atomic_load(&hv->crash_log_ns);
	uint64_t now = now_ns();

	return (!last || now - last >= CRASH_LOG_NS) &&
	       atomic_compare_exchange_strong(&hv->crash_log_ns, &last, now);
}

/* The guest's text, one of our lines for each of its own. */
static void tell_log(struct hv *hv, uint64_t gpa, uint64_t size)
{
	char text[CRASH_LOG_MAX + 1];
	unsigned int lines = 0;
	char *line, *next;

	if (!size || size > CRASH_LOG_MAX ||
	    mem_read(vm_mem(hv->vm), gpa, text, size))
		return;
	if (!log_is_due(hv)) {
		log_warn("guest", "(a log so soon after another is left out)");
		return;
	}
	text[size] = '\0';
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!*line)
			continue;
		if (++lines > CRASH_LOG_LINES) {
			log_warn("guest", "(more lines left out)");
			return;
		}
		log_warn("guest", "%s", line);
	}
}

void crash_notify(struct hv *hv, struct vp *vp, uint64_t control)
{
	bool with_log = control & TLFS_CRASH_MESSAGE, told;
	uint64_t p[TLFS_CRASH_PARAMS];
	char why[160];
	unsigned int i;

	for (i = 0; i < TLFS_CRASH_PARAMS; i++)
		if (vp_get_msr(vp, TLFS_MSR_CRASH_P0 + i, &p[i]))
			p[i] = 0;
	snprintf(
		why, sizeof(why),
		"the guest crashed: P0 0x%llx P1 0x%llx P2 0x%llx P3 0x%llx P4 0x%llx",
		(unsigned long long)p[0], (unsigned long long)p[1],
		(unsigned long long)p[2], (unsigned long long)p[3],
		(unsigned long long)p[4]);
	if (atomic_fetch_add(&hv->crashes, 1) < CRASH_REPORTS_TOLD) {
		/* A guest may also crash and reset all the time. */
		told = log_guest(&hv->crash_limit, "hv", "vp%u: %s%s",
				 vp_index(vp), why,
				 with_log ? ", with its log" : "");
		if (with_log && told)
			tell_log(hv, p[3], p[4]);
		if (hv->ops.crash)
			hv->ops.crash(hv->priv, p, control);
	}
	vm_crash(hv->vm, why, with_log ? GRACE_LOG_MS : VM_CRASH_GRACE_MS);
}
