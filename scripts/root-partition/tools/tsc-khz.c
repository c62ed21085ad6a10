// SPDX-License-Identifier: GPL-2.0
/*
 * Prints this machine's TSC frequency in kHz, as measured against its clock.
 * An emulated machine's TSC is this machine's; were its kernel left to measure
 * it, on a busy machine, time there could run several times too fast.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES	 100
#define APART_NS 200000000

struct moment {
	uint64_t ns;
	uint64_t tsc;
	uint64_t between; /* what a reading of both took, in ns */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The tightest of many readings: being scheduled away between the two shows. */
static struct moment look(void)
{
	struct moment m, best = { .between = UINT64_MAX };
	uint64_t before, after;
	int i;

	for (i = 0; i < TRIES; i++) {
		before = now_ns();
		m.tsc = __rdtsc();
		after = now_ns();
		m.ns = before + (after - before) / 2;
		m.between = after - before;
		if (m.between < best.between)
			best = m;
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { 0, APART_NS };
	struct moment first = look(), last;

	nanosleep(&pause, NULL);
	last = look();
	if (last.tsc <= first.tsc || last.ns - first.ns < APART_NS)
		return 1;
	printf("%.0f\n", (last.tsc - first.tsc) * 1e6 / (last.ns - first.ns));
	return 0;
}
