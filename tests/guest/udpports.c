// SPDX-License-Identifier: GPL-2.0
/*
 * Sends a datagram from each of many ports:
 *
 *	udpports ADDRESS PORT COUNT [answered [FIRST]]
 *
 * Prints how many the kernel took, or how many came back. FIRST is the first port
 * (20000).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_PORT 20000

static int came_back(int fd)
{
	struct timeval wait = { .tv_sec = 5 };
	char buf[8];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return recv(fd, buf, sizeof(buf), 0) == 4 && !memcmp(buf, "here", 4);
}

static int send_from(const struct sockaddr_in *to, int port, int answered)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), done;

	done = fd >= 0 && !bind(fd, (struct sockaddr *)&from, sizeof(from)) &&
	       sendto(fd, "here", 4, 0, (struct sockaddr *)to, sizeof(*to)) ==
		       4;
	if (done && answered)
		done = came_back(fd);
	if (fd >= 0)
		close(fd);
	return done;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int count = argc >= 4 ? atoi(argv[3]) : 0, i, done = 0;
	int first = argc >= 6 ? atoi(argv[5]) : FIRST_PORT;

	if (count < 1 || !inet_aton(argv[1], &to.sin_addr)) {
		fprintf(stderr,
			"usage: udpports ADDRESS PORT COUNT [answered [FIRST]]\n");
		return 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	for (i = 0; i < count; i++)
		done += send_from(&to, first + i, argc > 4);
	printf("%d\n", done);
	return 0;
}
