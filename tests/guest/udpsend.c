// SPDX-License-Identifier: GPL-2.0
/*
 * Sends UDP packets of 64 bytes, FCS included, as fast as it can:
 *
 *	udpsend ADDRESS SECONDS [FLOWS]
 *
 * Flows, as many as there are processors if nothing is said, are spread over
 * threads, one a processor at most.  Which queue of a card a flow uses is drawn
 * by lot: one flow uses one, many use all of them.  Prints how many packets the
 * kernel took.
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
#define FLOWS	64

static struct sockaddr_in to = { .sin_family = AF_INET };
static double until;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct sender {
	pthread_t thread;
	int socket[FLOWS];
	int flows;
	unsigned long sent;
};

static void *sender(void *arg)
{
	static char data[PAYLOAD];
	struct iovec iov = { data, sizeof(data) };
	struct mmsghdr msg[BATCH];
	struct sender *me = arg;
	int i, n;

	memset(msg, 0, sizeof(msg));
	for (i = 0; i < BATCH; i++) {
		msg[i].msg_hdr.msg_iov = &iov;
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	/* An answer that nobody listens there is an error of the next call. */
	for (i = 0; now() < until; i = (i + 1) % me->flows) {
		n = sendmmsg(me->socket[i], msg, BATCH, 0);
		if (n > 0)
			me->sent += n;
	}
	return NULL;
}

static int usage(void)
{
	fprintf(stderr, "udpsend ADDRESS SECONDS [FLOWS], 1 to %d\n", FLOWS);
	return 2;
}

int main(int argc, char **argv)
{
	static struct sender senders[FLOWS];
	long n = sysconf(_SC_NPROCESSORS_ONLN), flows = n, i;
	unsigned long sum = 0;
	int s;

	if (argc == 4)
		flows = atol(argv[3]);
	if (argc < 3 || argc > 4 || flows < 1 || flows > FLOWS ||
	    inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return usage();
	to.sin_port = htons(9);
	until = now() + atof(argv[2]);
	if (n > flows)
		n = flows;
	for (i = 0; i < flows; i++) {
		s = socket(AF_INET, SOCK_DGRAM, 0);
		if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)))
			return 1;
		senders[i % n].socket[senders[i % n].flows++] = s;
	}
	for (i = 0; i < n; i++)
		if (pthread_create(&senders[i].thread, NULL, sender,
				   &senders[i]))
			return 1;
	for (i = 0; i < n; i++) {
		pthread_join(senders[i].thread, NULL);
		sum += senders[i].sent;
	}
	printf("%lu\n", sum);
	return 0;
}
