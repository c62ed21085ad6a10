// SPDX-License-Identifier: GPL-2.0
/*
 * Data that cost next to nothing to make and to check, so that a transfer of a
 * gigabyte is about the network:
 *
 *   stream send ADDRESS PORT MIB SEED	connects and sends
 *   stream receive PORT SEED		takes one connection, checks every byte
 *
 * Either prints "BYTES CHECKSUM" of what it has sent or received; receive says
 * where the first wrong byte is, and exits with 1.  Each word depends on the seed
 * and its position, so data lost, repeated or swapped are found as well.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define WORDS (CHUNK / sizeof(uint64_t))

static uint64_t word(uint64_t seed, uint64_t index)
{
	uint64_t x = (index + seed) * 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	return x ^ (x >> 29);
}

static uint64_t sum(uint64_t sum, const uint64_t *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sum = ((sum << 7) | (sum >> 57)) * 0x100000001b3ull ^ w[i];
	return sum;
}

static void fill(uint64_t *w, uint64_t seed, uint64_t first)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		w[i] = word(seed, first + i);
}

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int send_to(const char *host, int port, uint64_t mib, uint64_t seed)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t len = mib << 20, at, total = 0;
	static uint64_t w[WORDS];

	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		return die(host);
	if (connect(s, (struct sockaddr *)&to, sizeof(to)))
		return die("connect");
	for (at = 0; at < len; at += CHUNK) {
		size_t done = 0;

		fill(w, seed, at / sizeof(*w));
		total = sum(total, w, WORDS);
		while (done < CHUNK) {
			ssize_t n = send(s, (char *)w + done, CHUNK - done, 0);

			if (n <= 0)
				return die("send");
			done += n;
		}
	}
	/* Its end is the receiver's: all has arrived then. */
	shutdown(s, SHUT_WR);
	if (recv(s, w, 1, 0) != 0)
		return die("the other end");
	printf("%llu %016llx\n", (unsigned long long)len,
	       (unsigned long long)total);
	return 0;
}

static int receive(int port, uint64_t seed)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int one = 1, l = socket(AF_INET, SOCK_STREAM, 0), s;
	static uint64_t got[WORDS], want[WORDS];
	uint64_t bytes = 0, total = 0;
	ssize_t n;

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l, (struct sockaddr *)&at, sizeof(at)) || listen(l, 1))
		return die("bind");
	s = accept(l, NULL, NULL);
	if (s < 0)
		return die("accept");
	/* The last chunk is a whole one, too, unless data were lost. */
	while ((n = recv(s, got, CHUNK, MSG_WAITALL)) > 0) {
		fill(want, seed, bytes / sizeof(*got));
		if (memcmp(got, want, n)) {
			printf("wrong after %llu bytes\n",
			       (unsigned long long)bytes);
			return 1;
		}
		total = sum(total, got, n / sizeof(*got));
		bytes += n;
	}
	if (n < 0)
		return die("receive");
	printf("%llu %016llx\n", (unsigned long long)bytes,
	       (unsigned long long)total);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "send"))
		return send_to(argv[2], atoi(argv[3]), atoll(argv[4]),
			       atoll(argv[5]));
	if (argc == 4 && !strcmp(argv[1], "receive"))
		return receive(atoi(argv[2]), atoll(argv[3]));
	fprintf(stderr, "stream send ADDRESS PORT MIB SEED\n"
			"stream receive PORT SEED\n");
	return 2;
}
