// SPDX-License-Identifier: GPL-2.0
/*
 * Network back ends that need nobody's help: null, sockets of both types, and
 * what is common to all: counters, checks, the lines that tell what is wrong.
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
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_card.h"
#include "starve.h"
#include "backend/net/stream.h"

#define BIG NET_FRAME_MAX

static char dir[64], path_a[90], path_b[90], why[300];
static uint8_t frame[BIG], got[BIG + 16];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%.40s/net-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path_a, sizeof(path_a), "%s/a", dir);
	snprintf(path_b, sizeof(path_b), "%s/b", dir);
	why[0] = '\0';
	return 0;
}

/* What a back end made it has removed. */
static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static struct net *open_net(const struct net_options *opt)
{
	struct net *n = NULL;

	if (net_open(opt, &n, why, sizeof(why)))
		fail_msg("net_open: %s", why);
	return n;
}

static void refused(const struct net_options *opt, const char *text)
{
	struct net *n;

	why[0] = '\0';
	assert_true(net_open(opt, &n, why, sizeof(why)) < 0);
	if (!strstr(why, text))
		fail_msg("'%s' does not say '%s'", why, text);
	assert_null(strchr(why, '\n'));
}

/* ---- common ---- */

static void test_refused(void **state)
{
	unsigned int fds = open_fds();
	char longname[200];

	(void)state;
	memset(longname, 'x', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	refused(&(struct net_options){ .kind = "tab" }, "did you mean 'tap'?");
	refused(&(struct net_options){ .kind = "bridge" }, "use user, tap=");
	refused(&(struct net_options){ .kind = "null", .queues = 65 },
		"at most 64");
	refused(&(struct net_options){ .kind = "null", .mtu = 100 },
		"from 576 to 65521");
	refused(&(struct net_options){ .kind = "null", .rx = 13 },
		"14 to 65562");
	refused(&(struct net_options){ .kind = "socket" }, "needs a path");
	refused(&(struct net_options){ .kind = "socket",
				       .path = path_a,
				       .queues = 2 },
		"a socket has one");
	refused(&(struct net_options){ .kind = "socket", .path = path_a },
		"nobody listens");
	refused(&(struct net_options){ .kind = "socket", .path = longname },
		"1 to 107 bytes");
	refused(&(struct net_options){ .kind = "socket",
				       .path = longname,
				       .server = true },
		"1 to 107 bytes");
	refused(&(struct net_options){ .kind = "socket",
				       .path = path_a,
				       .type = NET_SOCKET_DGRAM },
		"needs local=");
	refused(&(struct net_options){ .kind = "socket",
				       .server = true,
				       .path = "/nowhere/at/all" },
		"mkdir");
	refused(&(struct net_options){ .kind = "socket",
				       .server = true,
				       .path = dir },
		"no socket");
	assert_int_equal(open_fds(), fds);
}

static void test_null(void **state)
{
	struct net_options opt = { .kind = "null",
				   .queues = 3,
				   .rx = 60,
				   .rx_count = 5 };
	struct net_queue_stats s;
	struct card c;
	unsigned int i;

	(void)state;
	card_open(&c, open_net(&opt));
	assert_string_equal(c.net->name, "null");
	assert_int_equal(c.net->info.queues, 3);
	assert_true(net_link(c.net));
	card_frame(frame, 1000, 1);
	c.queue = 2;
	for (i = 0; i < 10; i++)
		assert_int_equal(card_send(&c, frame, 1000), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(card_recv(&c, got, sizeof(got)), 60);
	assert_memory_equal(got, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(got + 12, "\x88\xb5\0\0", 4);
	assert_int_equal(card_recv(&c, got, 59), -EMSGSIZE);
	assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
	/* No Ethernet frame. */
	assert_int_equal(card_send(&c, frame, 13), -EMSGSIZE);
	net_get_stats(c.net, 2, &s);
	assert_int_equal(s.frames_out, 10);
	assert_int_equal(s.bytes_out, 10000);
	assert_int_equal(s.frames_in, 4);
	assert_int_equal(s.bytes_in, 240);
	assert_int_equal(s.drops_in, 1);
	assert_int_equal(s.drops_out, 1);
	assert_int_equal(s.system_calls + s.bytes_copied + s.faults, 0);
	net_get_stats(c.net, 1, &s);
	assert_int_equal(s.frames_out + s.frames_in, 0);
	/* Another queue has its own frames. */
	c.queue = 0;
	assert_int_equal(card_recv(&c, got, sizeof(got)), 60);
	c.queue = 3;
	assert_int_equal(card_call(&c, card_start_fn), -EINVAL);
	card_close(&c);
	net_close(NULL);
}

static void test_null_datagrams(void **state)
{
	static const uint8_t to[] = { 10, 1, 2, 3 };
	/* Summed by hand. */
	static const uint8_t head[] = {
		0x08, 0x00, 0x45, 0x00, 0x00, 0x2e, 0x00, 0x00, 0x40, 0x00,
		0x40, 0x11, 0x22, 0xb9, 0x0a, 0x01, 0x02, 0x02, 0x0a, 0x01,
		0x02, 0x03, 0xc0, 0x01, 0x00, 0x09, 0x00, 0x1a, 0x00, 0x00,
	};
	struct net_options opt = { .kind = "null", .queues = 2, .rx = 60 };
	struct card c;

	(void)state;
	memcpy(&opt.rx_to, to, sizeof(to));
	card_open(&c, open_net(&opt));
	c.queue = 1;
	assert_int_equal(card_recv(&c, got, sizeof(got)), 60);
	assert_memory_equal(got, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(got + 12, head, sizeof(head));
	assert_int_equal(c.hdr.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	c.queue = 0;
	assert_int_equal(card_recv(&c, got, sizeof(got)), 60);
	assert_memory_equal(got + 34, "\xc0\x00", 2);
	card_close(&c);
	opt.rx = 41;
	refused(&opt, "a datagram has 42 to 65549 bytes");
	opt.rx = 65550;
	refused(&opt, "a datagram has 42 to 65549 bytes");
}

/* ---- streams ---- */

static void pair(struct card *a, struct card *b, enum net_socket_type type)
{
	struct net *n[2];
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_NONBLOCK | SOCK_CLOEXEC |
					    (type == NET_SOCKET_DGRAM ?
						     SOCK_DGRAM :
						     SOCK_STREAM),
				    0, fd),
			 0);
	assert_int_equal(net_open_socket(fd[0], type, &n[0]), 0);
	assert_int_equal(net_open_socket(fd[1], type, &n[1]), 0);
	card_open(a, n[0]);
	card_open(b, n[1]);
}

static void exchange(struct card *from, struct card *to, size_t len)
{
	unsigned int seed = rand();

	card_frame(frame, len, seed);
	assert_int_equal(card_send(from, frame, len), 0);
	memset(got, 0, sizeof(got));
	to->hdr.flags = 0xff;
	assert_int_equal(card_fetch(to, got, sizeof(got), CARD_SECONDS * 1000),
			 len);
	assert_memory_equal(frame, got, len);
	assert_int_equal(to->hdr.flags, 0);
}

static void frames_pass(enum net_socket_type type)
{
	static const size_t len[] = { 14, 60, 1514, 9014, 40000, BIG };
	struct card a, b;
	unsigned int i;

	pair(&a, &b, type);
	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		exchange(&a, &b, len[i]);
		exchange(&b, &a, len[i]);
	}
	/* One that does not fit is lost, the next is not. */
	assert_int_equal(card_send(&a, frame, 2000), 0);
	assert_int_equal(card_send(&a, frame, 1000), 0);
	assert_int_equal(card_fetch(&b, got, 1500, 20000), -EMSGSIZE);
	assert_int_equal(card_fetch(&b, got, 1500, 20000), 1000);
	/* What was not offered is not taken. */
	a.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_int_equal(card_send(&a, frame, 1000), -EOPNOTSUPP);
	a.hdr.gso_type = 0;
	a.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	assert_int_equal(card_send(&a, frame, 1000), -EOPNOTSUPP);
	card_close(&a);
	card_close(&b);
}

static void test_stream(void **state)
{
	(void)state;
	frames_pass(NET_SOCKET_STREAM);
}

static void test_dgram(void **state)
{
	struct net_queue_stats s;
	struct card a, b;

	(void)state;
	frames_pass(NET_SOCKET_DGRAM);
	/* A system call each way, and nothing copied. */
	pair(&a, &b, NET_SOCKET_DGRAM);
	card_frame(frame, 1514, 3);
	assert_int_equal(card_send(&a, frame, 1514), 0);
	assert_int_equal(card_recv(&b, got, sizeof(got)), 1514);
	net_get_stats(a.net, 0, &s);
	assert_int_equal(s.system_calls, 1);
	assert_int_equal(s.bytes_copied, 0);
	net_get_stats(b.net, 0, &s);
	assert_int_equal(s.system_calls, 1);
	assert_int_equal(s.bytes_copied, 0);
	card_close(&a);
	card_close(&b);
}

/* What is no frame is lost one by one: nobody is kept busy within a call. */
static void test_dgram_short(void **state)
{
	struct net_queue_stats s;
	struct card a;
	unsigned int i;
	int fd[2];
	struct net *n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fd),
			 0);
	assert_int_equal(net_open_socket(fd[0], NET_SOCKET_DGRAM, &n), 0);
	card_open(&a, n);
	card_frame(frame, 60, 1);
	for (i = 0; i < 5; i++)
		assert_int_equal(send(fd[1], frame, i, 0), i);
	assert_int_equal(send(fd[1], frame, 60, 0), 60);
	for (i = 0; i < 5; i++)
		assert_int_equal(card_recv(&a, got, sizeof(got)), -EMSGSIZE);
	assert_int_equal(card_recv(&a, got, sizeof(got)), 60);
	net_get_stats(a.net, 0, &s);
	assert_int_equal(s.drops_in, 5);
	card_close(&a);
	close(fd[1]);
}

/*
 * Until it is full, which may be in the midst of a frame; then writable() comes
 * when there is room again, and the other end misses nothing.
 */
static void full(enum net_socket_type type)
{
	struct card a, b;
	unsigned int sent = 0, fetched, i;
	int ret;

	pair(&a, &b, type);
	for (i = 0; i < 3; i++) {
		unsigned int first = sent;

		for (;;) {
			card_frame(frame, 5000 + sent % 7, sent);
			ret = card_send(&a, frame, 5000 + sent % 7);
			if (ret)
				break;
			sent++;
		}
		assert_int_equal(ret, -EAGAIN);
		for (fetched = first; fetched < sent; fetched++) {
			card_frame(frame, 5000 + fetched % 7, fetched);
			assert_int_equal(card_fetch(&b, got, sizeof(got),
						    20000),
					 5000 + fetched % 7);
			assert_memory_equal(frame, got, 5000 + fetched % 7);
		}
		assert_true(card_wait(&a.writable, 20000));
	}
	assert_int_equal(card_recv(&b, got, sizeof(got)), -EAGAIN);
	card_close(&a);
	card_close(&b);
}

static void test_full(void **state)
{
	(void)state;
	full(NET_SOCKET_STREAM);
	full(NET_SOCKET_DGRAM);
}

/* Many frames in one system call, as a stream allows. */
static void test_stream_batch(void **state)
{
	struct net_queue_stats s;
	struct card a, b;
	unsigned int i;

	(void)state;
	pair(&a, &b, NET_SOCKET_STREAM);
	card_frame(frame, 60, 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(card_send(&a, frame, 60), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(card_recv(&b, got, sizeof(got)), 60);
	net_get_stats(a.net, 0, &s);
	assert_int_equal(s.system_calls, 100);
	assert_int_equal(s.bytes_copied, 0);
	net_get_stats(b.net, 0, &s);
	assert_int_equal(s.system_calls, 1);
	card_close(&a);
	card_close(&b);
}

/* ---- paths ---- */

static void test_server(void **state)
{
	struct net_options server = { .kind = "socket",
				      .path = path_a,
				      .server = true };
	struct net_options client = { .kind = "socket", .path = path_a };
	struct card a, b;
	struct stat st;
	unsigned int i;

	(void)state;
	card_open(&a, open_net(&server));
	assert_false(net_link(a.net));
	assert_int_equal(stat(path_a, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	refused(&server, "belongs to a running program");
	card_frame(frame, 60, 1);
	assert_int_equal(card_send(&a, frame, 60), -ENOTCONN);
	assert_int_equal(card_recv(&a, got, sizeof(got)), -EAGAIN);
	/* Again and again: the server takes the next one. */
	for (i = 0; i < 3; i++) {
		card_open(&b, open_net(&client));
		assert_true(card_wait(&a.link, 20000));
		assert_true(net_link(a.net));
		assert_true(net_link(b.net));
		exchange(&b, &a, 1514);
		exchange(&a, &b, 1514);
		assert_int_equal(card_recv(&a, got, sizeof(got)), -EAGAIN);
		card_close(&b);
		/* The end comes as something to read. */
		assert_true(card_wait(&a.readable, 20000));
		while (net_link(a.net))
			assert_int_equal(card_recv(&a, got, sizeof(got)),
					 -EAGAIN);
		assert_true(card_wait(&a.link, 20000));
		assert_int_equal(card_send(&a, frame, 60), -ENOTCONN);
	}
	card_close(&a);
	assert_int_equal(stat(path_a, &st), -1);
}

/* No descriptor for the other end: it waits, and the worker sleeps. */
static void test_starved(void **state)
{
	struct net_options server = { .kind = "socket",
				      .path = path_a,
				      .server = true };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
	struct worker_stats before, after;
	struct card a;
	rlim_t limit;

	(void)state;
	card_open(&a, open_net(&server));
	memcpy(addr.sun_path, path_a, strlen(path_a));
	worker_get_stats(a.worker, &before);
	limit = starve();
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	usleep(500000);
	worker_get_stats(a.worker, &after);
	feed(limit);
	assert_int_equal(err, 0);
	assert_in_range(after.wakeups - before.wakeups, 1, 20);
	assert_false(net_link(a.net));
	assert_true(card_wait(&a.link, 20000));
	assert_true(net_link(a.net));
	card_close(&a);
	close(fd);
}

/* Left behind by a process that was killed. */
static void test_stale(void **state)
{
	struct net_options server = { .kind = "socket",
				      .path = path_a,
				      .server = true };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	memcpy(addr.sun_path, path_a, strlen(path_a));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	net_close(open_net(&server));
}

/* Any bytes may name a socket; who is told of them takes UTF-8. */
static void test_odd_name(void **state)
{
	struct net_options server = { .kind = "socket",
				      .path = path_a,
				      .server = true };
	struct net *n;

	(void)state;
	strcat(path_a, "\xe9");
	strcat(path_b, "?");
	path_b[strlen(path_b) - 2] = 'a';
	n = open_net(&server);
	assert_int_equal(access(path_a, F_OK), 0);
	assert_string_equal(n->name, path_b);
	net_close(n);
}

static void test_dgram_paths(void **state)
{
	struct net_options at_a = { .kind = "socket",
				    .type = NET_SOCKET_DGRAM,
				    .path = path_b,
				    .local = path_a };
	struct net_options at_b = { .kind = "socket",
				    .type = NET_SOCKET_DGRAM,
				    .path = path_a,
				    .local = path_b };
	struct card a, b;
	unsigned int i;

	(void)state;
	card_open(&a, open_net(&at_a));
	card_frame(frame, 60, 1);
	assert_int_equal(card_send(&a, frame, 60), -ENOENT);
	for (i = 0; i < 3; i++) {
		card_open(&b, open_net(&at_b));
		exchange(&a, &b, 1514);
		exchange(&b, &a, 1514);
		refused(&at_a, "belongs to a running program");
		card_close(&b);
		assert_true(card_send(&a, frame, 60) < 0);
	}
	card_close(&a);
}

/* ---- an impartial other end: QEMU's socket, with its user network behind ---- */

static pid_t start_qemu(bool server)
{
	char stream[200];
	pid_t pid;

	snprintf(stream, sizeof(stream),
		 "stream,id=a,server=%s,addr.type=unix,addr.path=%s",
		 server ? "on" : "off", path_a);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("qemu-system-x86_64", "qemu-system-x86_64", "-M", "none",
	       "-display", "none", "-monitor", "none", "-serial", "none",
	       "-netdev", stream, "-netdev", "user,id=u,restrict=on", "-netdev",
	       "hubport,hubid=0,id=p,netdev=a", "-netdev",
	       "hubport,hubid=0,id=q,netdev=u", NULL);
	_exit(127);
}

/* A question for an address, and the offer. */
static void ask_dhcp(struct card *c)
{
	static const uint8_t head[] =
		"\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x02\x08\x00"
		"\x45\x00\x01\x48\x00\x00\x00\x00\x40\x11\x79\xa6"
		"\x00\x00\x00\x00\xff\xff\xff\xff"
		"\x00\x44\x00\x43\x01\x34\x00\x00"
		"\x01\x01\x06\x00\x12\x34\x56\x78";
	uint8_t *b = frame + 42;
	int len;

	memset(frame, 0, 342);
	memcpy(frame, head, sizeof(head) - 1);
	memcpy(b + 28, "\x02\x00\x00\x00\x00\x02", 6);
	memcpy(b + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	assert_int_equal(card_send(c, frame, 342), 0);
	do
		len = card_fetch(c, got, sizeof(got), CARD_SECONDS * 1000);
	while (len > 0 &&
	       memcmp(got + 42, "\x02\x01\x06\x00\x12\x34\x56\x78", 8));
	assert_true(len >= 282);
	assert_memory_equal(got + 42 + 16, "\x0a\x00\x02\x0f", 4);
}

static void test_qemu(void **state)
{
	struct net_options server = { .kind = "socket",
				      .path = path_a,
				      .server = true };
	struct net_options client = { .kind = "socket", .path = path_a };
	struct net *n = NULL;
	unsigned int i;
	struct card c;
	pid_t pid;

	(void)state;
	if (system("command -v qemu-system-x86_64 >/dev/null"))
		skip();
	card_open(&c, open_net(&server));
	pid = start_qemu(false);
	assert_true(card_wait(&c.link, CARD_SECONDS * 1000));
	ask_dhcp(&c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	card_close(&c);

	pid = start_qemu(true);
	for (i = 0; i < CARD_SECONDS * 20 && !n; i++) {
		usleep(50000);
		if (net_open(&client, &n, why, sizeof(why)))
			n = NULL;
	}
	assert_non_null(n);
	card_open(&c, n);
	ask_dhcp(&c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	card_close(&c);
	unlink(path_a);
}

/* ---- the framing, and who does not keep to it ---- */

static void put_head(uint8_t *to, uint32_t len)
{
	len = htonl(len);
	memcpy(to, &len, sizeof(len));
}

static void test_framing(void **state)
{
	struct stream *s = malloc(sizeof(*s));
	size_t room, len, total = 0, at, part;
	uint8_t *wire = malloc(3 * (BIG + 4));
	const void *out;
	unsigned int n;

	(void)state;
	for (n = 0; n < 3; n++) {
		len = n == 1 ? 14 : BIG;
		put_head(wire + total, len);
		card_frame(wire + total + 4, len, n);
		total += len + 4;
	}
	/* Cut anywhere. */
	for (part = 1; part < total; part = part * 3 + 1) {
		stream_reset(s);
		for (at = n = 0; at < total;) {
			void *to = stream_room(s, &room);

			assert_true(room >= 1);
			if (room > part)
				room = part;
			if (room > total - at)
				room = total - at;
			memcpy(to, wire + at, room);
			stream_add(s, room);
			at += room;
			while (stream_next(s, &out, &len) == 1) {
				card_frame(frame, len, n);
				assert_memory_equal(frame, out, len);
				n++;
			}
		}
		assert_int_equal(n, 3);
		assert_int_equal(s->from, s->to);
	}
	free(wire);
	free(s);
}

static void test_bad_length(void **state)
{
	static const uint32_t bad[] = { 0, 13, BIG + 1, 0x80000000, ~0u };
	struct net *n;
	struct card c;
	uint8_t head[4];
	unsigned int i;
	int fd[2];

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_STREAM | SOCK_NONBLOCK |
						    SOCK_CLOEXEC,
					    0, fd),
				 0);
		assert_int_equal(net_open_socket(fd[0], NET_SOCKET_STREAM, &n),
				 0);
		card_open(&c, n);
		assert_true(net_link(n));
		put_head(head, bad[i]);
		assert_int_equal(write(fd[1], head, 4), 4);
		assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
		assert_false(net_link(n));
		assert_int_equal(card_recv(&c, got, sizeof(got)), -EAGAIN);
		assert_int_equal(read(fd[1], head, 4), 0);
		card_close(&c);
		close(fd[1]);
	}
}

/* Neither a fd nor an event is left over. */
static void test_no_leaks(void **state)
{
	struct card a, b;
	unsigned int i, fds = open_fds();

	(void)state;
	for (i = 0; i < 50; i++) {
		pair(&a, &b, i % 2 ? NET_SOCKET_STREAM : NET_SOCKET_DGRAM);
		card_recv(&a, got, sizeof(got));
		card_call(&a, card_stop_fn);
		card_frame(frame, 60, 1);
		assert_int_equal(card_send(&b, frame, 60), 0);
		assert_int_equal(a.nreadable, 0);
		assert_int_equal(card_call(&a, card_start_fn), 0);
		assert_int_equal(card_fetch(&a, got, sizeof(got), 20000), 60);
		card_close(&a);
		card_close(&b);
	}
	assert_int_equal(open_fds(), fds);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused),	   TEST(test_null),
		TEST(test_null_datagrams), TEST(test_stream),
		TEST(test_dgram),	   TEST(test_dgram_short),
		TEST(test_full),	   TEST(test_stream_batch),
		TEST(test_server),	   TEST(test_starved),
		TEST(test_stale),	   TEST(test_dgram_paths),
		TEST(test_qemu),	   TEST(test_framing),
		TEST(test_bad_length),	   TEST(test_odd_name),
		TEST(test_no_leaks),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
