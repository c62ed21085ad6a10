// SPDX-License-Identifier: GPL-2.0
/*
 * A UDP socket that nobody reads from, with the smallest buffer there is:
 * udphold PORT.  What is sent there costs the kernel a look and is dropped, where
 * a port that nobody has would have it answer each packet.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_DGRAM, 0), least = 0;

	if (argc != 2) {
		fprintf(stderr, "udphold PORT\n");
		return 2;
	}
	at.sin_port = htons(atoi(argv[1]));
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	if (bind(s, (struct sockaddr *)&at, sizeof(at))) {
		perror("bind");
		return 1;
	}
	pause();
	return 0;
}
