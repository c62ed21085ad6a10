// SPDX-License-Identifier: GPL-2.0
/*
 * Sends UDP packets of 64 bytes, FCS included, as fast as it can, from as many
 * threads as there are processors:  udpsend ADDRESS SECONDS
 * Each has a flow of its own, so that all queues of a card are used.  Prints how
 * many the kernel took.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD 18 /* 64 less Ethernet, IPv4, UDP, FCS */
#define BATCH	64
#define THREADS 64

static struct sockaddr_in to = { .sin_family = AF_INET };
static double until;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *sender(void *arg)
{
	static char data[PAYLOAD];
	struct iovec iov = { data, sizeof(data) };
	struct mmsghdr msg[BATCH];
	unsigned long sent = 0;
	int s = socket(AF_INET, SOCK_DGRAM, 0), i, n;

	memset(msg, 0, sizeof(msg));
	for (i = 0; i < BATCH; i++) {
		msg[i].msg_hdr.msg_iov = &iov;
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)))
		return NULL;
	/* An answer that nobody listens there is an error of the next call. */
	while (now() < until) {
		n = sendmmsg(s, msg, BATCH, 0);
		if (n > 0)
			sent += n;
	}
	close(s);
	*(unsigned long *)arg = sent;
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long sent[THREADS] = { 0 }, sum = 0;
	pthread_t thread[THREADS];
	long n = sysconf(_SC_NPROCESSORS_ONLN), i;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "udpsend ADDRESS SECONDS\n");
		return 2;
	}
	to.sin_port = htons(9);
	until = now() + atof(argv[2]);
	if (n > THREADS)
		n = THREADS;
	for (i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, sender, &sent[i]))
			return 1;
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		sum += sent[i];
	}
	printf("%lu\n", sum);
	return 0;
}
