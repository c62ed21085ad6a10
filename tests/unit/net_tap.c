// SPDX-License-Identifier: GPL-2.0
/*
 * TAP interfaces, in a network namespace of the test's own: frames whole and
 * unsummed both ways, queues that come and go, links that go down, interfaces
 * that vanish, and the lines that tell what is wrong.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net_card.h"
#include "net_ns.h"

#define NAME	     "tt0"
#define UDP_HEAD     (14 + 20 + 8)
#define MAIN_SECONDS 20000

static char why[300];
static uint8_t frame[NET_FRAME_MAX], got[NET_FRAME_MAX + 16];

/* ---- the other end ---- */

static int setup(void **state)
{
	(void)state;
	why[0] = '\0';
	return 0;
}

static struct net *open_tap(unsigned int queues, uint32_t mtu)
{
	return ns_tap(NAME, queues, mtu);
}

static void refused(const char *ifname, unsigned int queues, uint32_t mtu,
		    const char *text)
{
	struct net_options opt = { .kind = "tap",
				   .ifname = ifname,
				   .queues = queues,
				   .mtu = mtu };
	struct net *n;

	why[0] = '\0';
	assert_true(net_open(&opt, &n, why, sizeof(why)) < 0);
	if (!strstr(why, text))
		fail_msg("'%s' does not say '%s'", why, text);
	assert_null(strchr(why, '\n'));
}

/* The next frame of our EtherType or of IPv4 that came from the card. */
static size_t packet_recv(int fd, struct virtio_net_hdr *hdr)
{
	struct sockaddr_ll from;
	ssize_t n;

	do {
		struct iovec iov[2] = { { hdr, sizeof(*hdr) },
					{ got, sizeof(got) } };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = iov,
				      .msg_iovlen = 2 };

		n = recvmsg(fd, &msg, 0);
		assert_true(n > (ssize_t)sizeof(*hdr));
	} while (from.sll_pkttype == PACKET_OUTGOING ||
		 (memcmp(got + 12, "\x88\xb5", 2) &&
		  memcmp(got + 12, "\x08\x00", 2)));
	return n - sizeof(*hdr);
}

/* Whatever else the kernel sends is passed over. */
static int fetch(struct card *c, size_t size, uint16_t type)
{
	int ret;

	do
		ret = card_fetch(c, got, size, MAIN_SECONDS);
	while (ret >= NET_FRAME_MIN && (got[12] << 8 | got[13]) != type);
	return ret;
}

static void open_up(struct card *c, unsigned int queues)
{
	card_open(c, open_tap(queues, 0));
	ns_ip("addr add 10.99.0.1/24 dev " NAME);
	ns_ip("neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev " NAME);
}

/* A datagram of the kernel's towards the child, perhaps many in one. */
static void send_udp(size_t len, int segment, uint16_t port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = inet_addr("10.99.0.2") };

	if (segment)
		assert_int_equal(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment,
					    sizeof(segment)),
				 0);
	assert_int_equal(sendto(fd, frame, len, 0, (struct sockaddr *)&to,
				sizeof(to)),
			 len);
	close(fd);
}

/* ---- frames ---- */

static void test_frames(void **state)
{
	struct virtio_net_hdr hdr;
	struct net_queue_stats s;
	struct card c;
	int fd;

	NS_NEEDED;
	card_open(&c, open_tap(1, 0));
	assert_string_equal(c.net->name, NAME);
	assert_int_equal(c.net->info.max_mtu, 1500);
	assert_true(c.net->info.can & NET_CAN_CSUM);
	/* We made it, so it is up. */
	assert_true(net_link(c.net));
	fd = ns_packet_socket(NAME);
	card_frame(frame, 1514, 1);
	assert_int_equal(card_send(&c, frame, 1514), 0);
	assert_int_equal(packet_recv(fd, &hdr), 1514);
	assert_memory_equal(frame, got, 1514);
	card_frame(frame, 700, 2);
	ns_send(fd, frame, 700);
	assert_int_equal(fetch(&c, sizeof(got), 0x88b5), 700);
	assert_memory_equal(frame, got, 700);
	/* Exactly as long as the room, and one more. */
	ns_send(fd, frame, 700);
	assert_int_equal(fetch(&c, 700, 0x88b5), 700);
	ns_send(fd, frame, 700);
	ns_send(fd, frame, 60);
	assert_int_equal(fetch(&c, 699, 0x88b5), -EMSGSIZE);
	assert_int_equal(fetch(&c, 699, 0x88b5), 60);
	net_get_stats(c.net, 0, &s);
	assert_int_equal(s.bytes_copied, 0);
	assert_true(s.drops_in >= 1);
	assert_int_equal(s.frames_out, 1);
	close(fd);
	card_close(&c);
	/* Nobody needs it any more. */
	assert_int_equal(if_nametoindex(NAME), 0);
}

/* A system call for each frame, and one to see that there is no more. */
static void test_system_calls(void **state)
{
	struct net_queue_stats before, after;
	struct card c;
	unsigned int i;
	int fd;

	NS_NEEDED;
	card_open(&c, open_tap(1, 0));
	fd = ns_packet_socket(NAME);
	card_frame(frame, 1514, 1);
	net_get_stats(c.net, 0, &before);
	for (i = 0; i < 100; i++)
		assert_int_equal(card_send(&c, frame, 1514), 0);
	net_get_stats(c.net, 0, &after);
	assert_int_equal(after.system_calls - before.system_calls, 100);
	before = after;
	for (i = 0; i < 100; i++)
		ns_send(fd, frame, 1514);
	for (i = 0; i < 100; i++)
		assert_int_equal(fetch(&c, sizeof(got), 0x88b5), 1514);
	net_get_stats(c.net, 0, &after);
	assert_true(after.system_calls - before.system_calls <=
		    after.frames_in - before.frames_in + 10);
	assert_int_equal(after.bytes_copied, 0);
	close(fd);
	card_close(&c);
}

#define BATCH 70

/* `head` bytes of it in a piece that does not stay. */
static int send_more(struct card *c, uint8_t *kept, size_t len, size_t head)
{
	uint8_t passing[300];
	struct iovec iov[2] = { { passing, head },
				{ kept + head, len - head } };

	memcpy(passing, kept, head);
	c->iov = head ? iov : iov + 1;
	c->niov = head ? 2 : 1;
	c->ncopied = head ? 1 : 0;
	card_call(c, card_send_more_fn);
	memset(passing, 0xee, sizeof(passing));
	return c->ret;
}

/* Many frames in a few system calls, whole and in order. */
static void test_batch(void **state)
{
	static uint8_t kept[BATCH][1000];
	struct net_queue_stats s;
	struct virtio_net_hdr hdr;
	struct card c;
	unsigned int i;
	int fd;

	NS_NEEDED;
	card_open(&c, open_tap(1, 0));
	fd = ns_packet_socket(NAME);
	for (i = 0; i < BATCH; i++) {
		card_frame(kept[i], 1000, i);
		assert_int_equal(
			send_more(&c, kept[i], 500 + i, i % 3 ? 50 : 0), 0);
	}
	card_call(&c, card_flush_fn);
	card_call(&c, card_flush_fn);
	net_get_stats(c.net, 0, &s);
	assert_int_equal(s.frames_out, BATCH);
	assert_int_equal(s.system_calls, 3);
	assert_int_equal(s.drops_out, 0);
	assert_int_equal(s.bytes_copied, 46 * 50);
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(packet_recv(fd, &hdr), 500 + i);
		assert_memory_equal(got, kept[i], 500 + i);
	}
	/* One that goes by itself does not overtake those that wait. */
	send_more(&c, kept[0], 100, 0);
	assert_int_equal(send_more(&c, kept[1], 600, 299), 0);
	send_more(&c, kept[2], 100, 0);
	card_frame(frame, 60, 99);
	assert_int_equal(card_send(&c, frame, 60), 0);
	for (i = 0; i < 3; i++) {
		packet_recv(fd, &hdr);
		assert_memory_equal(got, kept[i], 100);
	}
	assert_int_equal(packet_recv(fd, &hdr), 60);
	/* No frame at all; and one that the kernel refuses, among others. */
	assert_int_equal(send_more(&c, kept[0], 13, 0), -EMSGSIZE);
	c.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	c.hdr.csum_start = 60000;
	assert_int_equal(send_more(&c, kept[0], 100, 0), 0);
	memset(&c.hdr, 0, sizeof(c.hdr));
	assert_int_equal(send_more(&c, kept[5], 100, 0), 0);
	/* What waits when the queue stops is sent first. */
	card_call(&c, card_stop_fn);
	packet_recv(fd, &hdr);
	assert_memory_equal(got, kept[5], 100);
	net_get_stats(c.net, 0, &s);
	assert_int_equal(s.drops_out, 2);
	assert_int_equal(s.frames_out, BATCH + 5);
	assert_int_equal(card_call(&c, card_start_fn), 0);
	send_more(&c, kept[6], 100, 0);
	ns_ip("link del " NAME);
	assert_true(card_wait(&c.link, MAIN_SECONDS));
	card_call(&c, card_flush_fn);
	close(fd);
	card_close(&c);
}

/* ---- what is left to whoever takes it ---- */

static void test_unsummed(void **state)
{
	struct card c;

	NS_NEEDED;
	open_up(&c, 1);
	memset(frame, 0x55, sizeof(frame));
	send_udp(1000, 0, 9);
	assert_int_equal(fetch(&c, sizeof(got), 0x0800), UDP_HEAD + 1000);
	assert_int_equal(c.hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	assert_int_equal(net_set_offloads(c.net, NET_CAN_CSUM), 0);
	send_udp(1000, 0, 9);
	assert_int_equal(fetch(&c, sizeof(got), 0x0800), UDP_HEAD + 1000);
	assert_int_equal(c.hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
			 VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(c.hdr.csum_start, 14 + 20);
	assert_int_equal(c.hdr.csum_offset, 6);
	assert_int_equal(net_set_offloads(c.net, 0), 0);
	send_udp(1000, 0, 9);
	assert_int_equal(fetch(&c, sizeof(got), 0x0800), UDP_HEAD + 1000);
	assert_int_equal(c.hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	card_close(&c);
}

static void test_unsplit_in(void **state)
{
	unsigned int i;
	struct card c;

	NS_NEEDED;
	open_up(&c, 1);
	memset(frame, 0x55, sizeof(frame));
	assert_int_equal(net_set_offloads(c.net, NET_CAN_CSUM | NET_CAN_TSO4 |
							 NET_CAN_TSO6 |
							 NET_CAN_USO),
			 0);
	send_udp(20000, 1000, 9);
	if (c.net->info.can & NET_CAN_USO) {
		assert_int_equal(fetch(&c, sizeof(got), 0x0800),
				 UDP_HEAD + 20000);
		assert_int_equal(c.hdr.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
		assert_int_equal(c.hdr.gso_size, 1000);
	} else {
		for (i = 0; i < 20; i++)
			assert_int_equal(fetch(&c, sizeof(got), 0x0800),
					 UDP_HEAD + 1000);
	}
	assert_int_equal(net_set_offloads(c.net, 0), 0);
	send_udp(20000, 1000, 9);
	for (i = 0; i < 20; i++)
		assert_int_equal(fetch(&c, sizeof(got), 0x0800),
				 UDP_HEAD + 1000);
	assert_int_equal(c.hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	card_close(&c);
}

/* IPv4 and TCP, with the sums left out. */
static void tcp_frame(size_t payload)
{
	static const uint8_t head[] = {
		0x02, 0,    0,	  0,  0,  1,  0x02, 0, 0,  0, 0, 2,
		0x08, 0x00,					    /**/
		0x45, 0,    0,	  0,  0,  1,  0x40, 0, 64, 6, 0, 0, /**/
		10,   99,   0,	  2,  10, 99, 0,    1,		    /**/
		0x12, 0x34, 0,	  80, 0,  0,  0,    1, 0,  0, 0, 1,
		0x50, 0x10, 0x20, 0,  0,  0,  0,    0,
	};
	uint16_t len = htons(20 + 20 + payload);
	uint32_t sum = 0;
	unsigned int i;

	memset(frame, 0x66, sizeof(frame));
	memcpy(frame, head, sizeof(head));
	memcpy(frame + 16, &len, 2);
	for (i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = sum >> 8;
	frame[25] = sum;
	/* Of the pseudo header, as for a card that sums the rest. */
	for (i = 26, sum = 6 + 20 + payload; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	frame[50] = sum >> 8;
	frame[51] = sum;
}

static void test_unsplit_out(void **state)
{
	const size_t payload = 40 * 1448;
	struct virtio_net_hdr hdr;
	struct card c;
	int fd;

	NS_NEEDED;
	open_up(&c, 1);
	fd = ns_packet_socket(NAME);
	tcp_frame(payload);
	c.hdr = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16,
	};
	assert_int_equal(card_send(&c, frame, 54 + payload), 0);
	assert_int_equal(packet_recv(fd, &hdr), 54 + payload);
	assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(hdr.gso_size, 1448);
	assert_memory_equal(frame, got, 54 + payload);
	/* A header that lies is the kernel's to refuse; that frame is lost. */
	c.hdr.csum_start = 60000;
	c.hdr.csum_offset = 60000;
	assert_true(card_send(&c, frame, 54 + payload) < 0);
	memset(&c.hdr, 0, sizeof(c.hdr));
	assert_int_equal(card_send(&c, frame, 1514), 0);
	close(fd);
	card_close(&c);
}

/* ---- queues ---- */

/* Many flows; how many frames came by each queue. */
static void spread(struct card *c, unsigned int count[4])
{
	unsigned int i, all = 0;

	memset(count, 0, 4 * sizeof(*count));
	memset(frame, 0x55, 1000);
	for (i = 0; i < 200; i++)
		send_udp(100, 0, 2000 + i);
	for (i = 0; i < 4; i++)
		for (c->queue = i;
		     card_recv(c, got, sizeof(got)) > NET_FRAME_MIN;)
			if (got[12] == 8 && got[13] == 0)
				count[i]++;
	for (i = 0; i < 4; i++)
		all += count[i];
	assert_int_equal(all, 200);
}

static void test_queues(void **state)
{
	unsigned int count[4], round;
	struct card c;

	NS_NEEDED;
	open_up(&c, 4);
	assert_int_equal(c.net->info.queues, 4);
	for (round = 0; round < 3; round++) {
		spread(&c, count);
		assert_true(count[0] && count[1] && count[2] && count[3]);
		c.queue = 0;
		card_call(&c, card_stop_fn);
		c.queue = 2;
		card_call(&c, card_stop_fn);
		spread(&c, count);
		assert_true(count[1] && count[3]);
		assert_int_equal(count[0] + count[2], 0);
		c.queue = 1;
		card_call(&c, card_stop_fn);
		spread(&c, count);
		assert_int_equal(count[3], 200);
		for (c.queue = 0; c.queue < 3; c.queue++)
			assert_int_equal(card_call(&c, card_start_fn), 0);
	}
	card_close(&c);
}

/* What came while nobody was there is not kept for later. */
static void test_stopped(void **state)
{
	struct card c;
	unsigned int i;

	NS_NEEDED;
	for (i = 0; i < 2; i++) {
		if (i)
			ns_ip("tuntap add " NAME " mode tap");
		open_up(&c, 1);
		ns_ip("link set " NAME " up");
		ns_ip("neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev " NAME);
		assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
		card_call(&c, card_stop_fn);
		send_udp(100, 0, 9);
		usleep(50000);
		assert_int_equal(c.nreadable, 0);
		assert_int_equal(card_call(&c, card_start_fn), 0);
		send_udp(200, 0, 9);
		assert_int_equal(fetch(&c, sizeof(got), 0x0800),
				 UDP_HEAD + 200);
		card_close(&c);
	}
	ns_ip("link del " NAME);
}

/* ---- links ---- */

static void test_link(void **state)
{
	struct card c;
	unsigned int i;

	NS_NEEDED;
	card_open(&c, open_tap(2, 0));
	card_frame(frame, 60, 1);
	for (i = 0; i < 3; i++) {
		ns_ip("link set " NAME " down");
		assert_true(card_wait(&c.link, MAIN_SECONDS));
		assert_false(net_link(c.net));
		assert_true(card_send(&c, frame, 60) < 0);
		ns_ip("link set " NAME " up");
		assert_true(card_wait(&c.link, MAIN_SECONDS));
		assert_true(net_link(c.net));
		assert_int_equal(card_send(&c, frame, 60), 0);
	}
	/* What other interfaces do is none of our business. */
	ns_ip("link set lo down");
	ns_ip("link set lo up");
	/* A change that came while no queue was started. */
	for (c.queue = 0; c.queue < 2; c.queue++)
		card_call(&c, card_stop_fn);
	ns_ip("link set " NAME " down");
	c.queue = 0;
	assert_int_equal(card_call(&c, card_start_fn), 0);
	assert_false(net_link(c.net));
	assert_int_equal(c.nlink, 7);
	card_close(&c);
}

static void test_removed(void **state)
{
	struct card c;

	NS_NEEDED;
	card_open(&c, open_tap(2, 0));
	/* Both wait; then there is nothing any more to wait for. */
	while (card_recv(&c, got, sizeof(got)) != -EAGAIN)
		;
	ns_ip("link del " NAME);
	assert_true(card_wait(&c.link, MAIN_SECONDS));
	assert_false(net_link(c.net));
	card_frame(frame, 60, 1);
	assert_true(card_send(&c, frame, 60) < 0);
	assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
	assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
	assert_int_equal(net_set_offloads(c.net, NET_CAN_CSUM), 0);
	/* No spinning: at most one event of each queue, and none later. */
	c.nreadable = 0;
	usleep(50000);
	assert_int_equal(c.nreadable, 0);
	card_call(&c, card_stop_fn);
	assert_int_equal(card_call(&c, card_start_fn), 0);
	card_close(&c);
}

/* ---- what is refused ---- */

static void set_net_admin(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	if (on)
		data[0].effective |= 1u << CAP_NET_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_NET_ADMIN);
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

static void test_refused(void **state)
{
	struct net *n;

	NS_NEEDED;
	refused("", 1, 0, "needs an interface");
	refused(NULL, 1, 0, "needs an interface");
	refused("a-very-long-name", 1, 0, "1 to 15 characters");
	refused("a/b", 1, 0, "no name of an interface");
	refused("tap%d", 1, 0, "no name of an interface");
	refused("lo", 1, 0, "lo is no TAP interface");
	ns_ip("tuntap add " NAME " mode tap user 4711");
	refused(NAME, 4, 0, "has one queue only");
	refused(NAME, 1, 9000, "ip link set " NAME " mtu 9000");
	set_net_admin(false);
	refused(NAME, 1, 0, "belongs to another user");
	refused("tt7", 1, 0, "there is no interface tt7");
	set_net_admin(true);
	ns_ip("link set " NAME " up");
	n = open_tap(1, 0);
	assert_int_equal(n->info.max_mtu, 1500);
	refused(NAME, 1, 0, "in use by another program");
	net_close(n);
	ns_ip("link del " NAME);
	/* Multi-queue, which the kernel would let a second program share. */
	n = open_tap(2, 0);
	refused(NAME, 1, 0, "in use by another program");
	net_close(n);
	assert_int_equal(if_nametoindex(NAME), 0);
	assert_int_equal(if_nametoindex("tt7"), 0);
}

static void test_mtu(void **state)
{
	struct net *n;

	NS_NEEDED;
	n = open_tap(1, 9000);
	assert_int_equal(n->info.max_mtu, 9000);
	net_close(n);
	n = open_tap(1, 1000);
	assert_int_equal(n->info.max_mtu, 1000);
	net_close(n);
}

/* At once again, though the kernel lets go of watched files a little later. */
static void test_again(void **state)
{
	unsigned int i, fds = open_fds();
	struct card c;

	NS_NEEDED;
	ns_ip("tuntap add " NAME " mode tap multi_queue");
	ns_ip("link set " NAME " up");
	for (i = 0; i < 20; i++) {
		card_open(&c, open_tap(3, 0));
		while (card_recv(&c, got, sizeof(got)) != -EAGAIN)
			;
		card_close(&c);
	}
	ns_ip("link del " NAME);
	assert_int_equal(open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_frames, setup),
		cmocka_unit_test_setup(test_system_calls, setup),
		cmocka_unit_test_setup(test_batch, setup),
		cmocka_unit_test_setup(test_unsummed, setup),
		cmocka_unit_test_setup(test_unsplit_in, setup),
		cmocka_unit_test_setup(test_unsplit_out, setup),
		cmocka_unit_test_setup(test_queues, setup),
		cmocka_unit_test_setup(test_stopped, setup),
		cmocka_unit_test_setup(test_link, setup),
		cmocka_unit_test_setup(test_removed, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_mtu, setup),
		cmocka_unit_test_setup(test_again, setup),
	};

	return cmocka_run_group_tests_name("net-tap", tests, ns_setup, NULL);
}
