// SPDX-License-Identifier: GPL-2.0
/*
 * Holds a connection of an AF_VSOCK socket:
 *
 *   vsock_hold PORT
 *
 * Listens on PORT ("listening"), takes one connection ("connected") and reads
 * until it ends ("ended: WHY").
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int fail(const char *what)
{
	fprintf(stderr, "vsock_hold: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
	};
	int listener, s;
	char buf[256];
	ssize_t n;

	if (argc != 2)
		return 2;
	addr.svm_port = atoi(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	listener = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (listener < 0)
		return fail("socket");
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 1))
		return fail("listen");
	puts("listening");
	s = accept(listener, NULL, NULL);
	if (s < 0)
		return fail("accept");
	puts("connected");
	do
		n = read(s, buf, sizeof(buf));
	while (n > 0);
	printf("ended: %s\n", n ? strerror(errno) : "end of file");
	close(s);
	return 0;
}
