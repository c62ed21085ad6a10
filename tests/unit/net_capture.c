// SPDX-License-Identifier: GPL-2.0
/*
 * Captures, read back by a reader of this file's own: blocks, options, both
 * directions, several cards and threads, what cannot be written.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_card.h"
#include "own_device.h"

static const uint8_t mac[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
static char dir[64], path[80], why[300];
static uint8_t frame[NET_FRAME_MAX], got[NET_FRAME_MAX];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%.40s/capture-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* ---- the reader ---- */

struct reader {
	uint8_t *data;
	size_t size, at;
	unsigned int interfaces, packets;
	char name[4][65];
};

struct packet {
	uint32_t interface, len, flags;
	uint64_t ns;
	const uint8_t *data;
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The value of an option from `at` on, or NULL; the list must end well. */
static const uint8_t *option(const uint8_t *at, const uint8_t *end,
			     uint16_t code, uint16_t *len)
{
	const uint8_t *found = NULL;

	for (;;) {
		assert_true(at + 4 <= end);
		if (!get16(at)) {
			assert_int_equal(get16(at + 2), 0);
			assert_ptr_equal(at + 4, end);
			return found;
		}
		if (get16(at) == code) {
			found = at + 4;
			*len = get16(at + 2);
		}
		at += 4 + (get16(at + 2) + 3) / 4 * 4;
	}
}

static void read_section(struct reader *r)
{
	const uint8_t *b = r->data;

	assert_true(r->size >= 28);
	assert_int_equal(get32(b), 0x0a0d0d0a);
	assert_int_equal(get32(b + 8), 0x1a2b3c4d);
	assert_int_equal(get16(b + 12), 1);
	assert_int_equal(get16(b + 14), 0);
	assert_memory_equal(b + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	r->at = get32(b + 4);
	assert_true(r->at <= r->size);
	assert_int_equal(get32(b + r->at - 4), r->at);
}

static void reader_open(struct reader *r)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(r, 0, sizeof(*r));
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	r->size = st.st_size;
	r->data = malloc(r->size + 1);
	assert_int_equal(read(fd, r->data, r->size), r->size);
	close(fd);
	read_section(r);
}

static void read_interface(struct reader *r, const uint8_t *b,
			   const uint8_t *end)
{
	const uint8_t *value;
	uint16_t len;

	assert_int_equal(get16(b + 8), 1);
	assert_true(get32(b + 12) >= NET_FRAME_MAX);
	value = option(b + 16, end, 2, &len);
	assert_non_null(value);
	memcpy(r->name[r->interfaces], value, len);
	value = option(b + 16, end, 6, &len);
	assert_int_equal(len, 6);
	assert_memory_equal(value, mac[r->interfaces], 6);
	value = option(b + 16, end, 9, &len);
	assert_int_equal(*value, 9);
	r->interfaces++;
}

static void read_packet(struct reader *r, const uint8_t *b, const uint8_t *end,
			struct packet *p)
{
	const uint8_t *value;
	uint16_t len;

	*p = (struct packet){
		.interface = get32(b + 8),
		.ns = (uint64_t)get32(b + 12) << 32 | get32(b + 16),
		.len = get32(b + 20),
		.data = b + 28,
	};
	assert_true(p->interface < r->interfaces);
	assert_int_equal(get32(b + 24), p->len);
	assert_true(b + 28 + p->len <= end);
	value = option(b + 28 + (p->len + 3) / 4 * 4, end, 2, &len);
	assert_int_equal(len, 4);
	p->flags = get32(value);
	r->packets++;
}

static bool reader_next(struct reader *r, struct packet *p)
{
	while (r->at < r->size) {
		const uint8_t *b = r->data + r->at;
		size_t len = get32(b + 4);

		assert_true(len % 4 == 0 && r->at + len <= r->size);
		assert_int_equal(get32(b + len - 4), len);
		r->at += len;
		if (get32(b) == 1) {
			read_interface(r, b, b + len - 4);
			continue;
		}
		assert_int_equal(get32(b), 6);
		read_packet(r, b, b + len - 4, p);
		return true;
	}
	return false;
}

static void next_is(struct reader *r, unsigned int interface, uint32_t flags,
		    size_t len, unsigned int number)
{
	struct packet p;

	assert_true(reader_next(r, &p));
	assert_int_equal(p.interface, interface);
	assert_int_equal(p.flags, flags);
	assert_int_equal(p.len, len);
	card_frame(frame, len, number);
	assert_memory_equal(p.data, frame, len);
}

/* ---- captures ---- */

static struct net_capture *open_capture(void)
{
	struct net_capture *c = NULL;

	if (net_capture_open(path, &c, why, sizeof(why)))
		fail_msg("net_capture_open: %s", why);
	return c;
}

static struct net *wrap(struct net_capture *c, struct net *lower,
			unsigned int number)
{
	char name[16];
	struct net *n;

	snprintf(name, sizeof(name), "net%u", number);
	assert_int_equal(net_capture_wrap(c, lower, name, mac[number], &n), 0);
	return n;
}

static void open_pair(struct net_capture *c, struct card *a, struct card *b)
{
	struct net *n[2];
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				    0, fd),
			 0);
	assert_int_equal(net_open_socket(fd[0], NET_SOCKET_DGRAM, &n[0]), 0);
	assert_int_equal(net_open_socket(fd[1], NET_SOCKET_DGRAM, &n[1]), 0);
	card_open(a, wrap(c, n[0], 0));
	card_open(b, wrap(c, n[1], 1));
}

/* Every length modulo 4, the longest, both directions, and two cards. */
static void test_frames(void **state)
{
	static const size_t len[] = { 14, 60, 61, 62, 63, 1514, NET_FRAME_MAX };
	struct net_capture *c = open_capture();
	struct net_queue_stats s;
	struct timespec ts;
	uint64_t before, after, last = 0, total = 0;
	struct packet p;
	struct reader r;
	struct card a, b;
	unsigned int i;

	(void)state;
	open_pair(c, &a, &b);
	assert_int_equal(card_recv(&a, got, sizeof(got)), -EAGAIN);
	clock_gettime(CLOCK_REALTIME, &ts);
	before = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	for (i = 0; i < 7; i++) {
		card_frame(frame, len[i], i);
		assert_int_equal(card_send(&a, frame, len[i]), 0);
		assert_int_equal(card_fetch(&b, got, sizeof(got), 20000),
				 len[i]);
		total += len[i];
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	after = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	net_get_stats(a.net, 0, &s);
	assert_int_equal(s.frames_out, 7);
	assert_int_equal(s.bytes_copied, 2 * total);
	card_close(&a);
	card_close(&b);
	assert_int_equal(net_capture_close(c), 0);

	reader_open(&r);
	for (i = 0; i < 7; i++) {
		next_is(&r, 0, 2, len[i], i);
		next_is(&r, 1, 1, len[i], i);
	}
	assert_false(reader_next(&r, &p));
	assert_int_equal(r.interfaces, 2);
	assert_string_equal(r.name[0], "net0");
	assert_string_equal(r.name[1], "net1");
	r.at = 0;
	read_section(&r);
	r.interfaces = 0;
	while (reader_next(&r, &p)) {
		assert_in_range(p.ns, before, after);
		assert_true(p.ns >= last);
		last = p.ns;
	}
	free(r.data);
}

/* What was not sent is not there; what was lost on the way in neither. */
static void test_only_what_passed(void **state)
{
	struct net_capture *c = open_capture();
	struct packet p;
	struct reader r;
	struct card a, b;

	(void)state;
	open_pair(c, &a, &b);
	card_frame(frame, 500, 1);
	a.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_int_equal(card_send(&a, frame, 500), -EOPNOTSUPP);
	a.hdr.gso_type = 0;
	assert_int_equal(card_send(&a, frame, 500), 0);
	assert_int_equal(card_fetch(&b, got, 400, 20000), -EMSGSIZE);
	/* On demand, while it goes on. */
	assert_int_equal(net_capture_flush(c), 0);
	reader_open(&r);
	next_is(&r, 0, 2, 500, 1);
	assert_false(reader_next(&r, &p));
	free(r.data);
	card_close(&a);
	card_close(&b);
	assert_int_equal(net_capture_close(c), 0);
}

/* ---- two threads, and more than the buffer holds ---- */

#define MANY 2000

static void many(void *arg)
{
	struct card *c = arg;
	static __thread uint8_t mine[700];
	struct iovec iov = { mine, sizeof(mine) };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		card_frame(mine, sizeof(mine), i);
		if (net_send(c->net, 0, &c->hdr, &iov, 1))
			abort();
	}
}

static void test_threads(void **state)
{
	struct net_options opt = { .kind = "null" };
	struct net_capture *c = open_capture();
	unsigned int next[2] = { 0, 0 }, i;
	struct card card[2];
	struct packet p;
	struct reader r;
	struct net *n;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
		card_open(&card[i], wrap(c, n, i));
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(worker_post(card[i].worker, many, &card[i]),
				 0);
	for (i = 0; i < 2; i++)
		card_close(&card[i]);
	assert_int_equal(net_capture_close(c), 0);
	reader_open(&r);
	while (reader_next(&r, &p)) {
		assert_int_equal(p.len, 700);
		card_frame(frame, 700, next[p.interface]++);
		assert_memory_equal(p.data, frame, 700);
	}
	assert_int_equal(next[0], MANY);
	assert_int_equal(next[1], MANY);
	free(r.data);
}

/* ---- a child that changes its memory meanwhile ---- */

static uint8_t passed[60];

static bool child_memory(const void *at)
{
	return (const uint8_t *)at >= frame &&
	       (const uint8_t *)at < frame + sizeof(frame);
}

static int sly_start(struct net *n, unsigned int queue, struct worker *w)
{
	(void)n, (void)queue, (void)w;
	return 0;
}

static void sly_stop(struct net *n, unsigned int queue)
{
	(void)n, (void)queue;
}

static int sly_send(struct net *n, unsigned int queue,
		    const struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov)
{
	(void)n, (void)queue, (void)hdr, (void)niov;
	memcpy(passed, iov[0].iov_base, sizeof(passed));
	frame[40] ^= 0xff;
	return 0;
}

static int sly_recv(struct net *n, unsigned int queue,
		    struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov)
{
	(void)n, (void)queue, (void)hdr, (void)niov;
	if (child_memory(iov[0].iov_base))
		return -EAGAIN;
	memcpy(iov[0].iov_base, passed, sizeof(passed));
	return sizeof(passed);
}

static void sly_close(struct net *n)
{
	free(n);
}

static const struct net_ops sly_ops = {
	.name = "sly",
	.start = sly_start,
	.stop = sly_stop,
	.send = sly_send,
	.recv = sly_recv,
	.close = sly_close,
};

/* What is written down is what the back end was given and gave. */
static void test_sly(void **state)
{
	struct net_capture *c = open_capture();
	struct net *n = calloc(1, sizeof(*n));
	struct iovec whole = { frame, sizeof(passed) };
	struct packet p;
	struct reader r;
	struct card card;

	(void)state;
	assert_non_null(n);
	n->ops = &sly_ops;
	n->name = strdup("sly");
	n->info.queues = 1;
	card_open(&card, wrap(c, n, 0));
	card_frame(frame, sizeof(passed), 1);
	card.iov = &whole;
	card.niov = 1;
	assert_int_equal(card_call(&card, card_send_fn), 0);
	assert_memory_not_equal(frame, passed, sizeof(passed));
	assert_int_equal(card_call(&card, card_recv_fn), sizeof(passed));
	assert_memory_equal(frame, passed, sizeof(passed));
	card_close(&card);
	assert_int_equal(net_capture_close(c), 0);
	reader_open(&r);
	assert_true(reader_next(&r, &p));
	assert_memory_equal(p.data, passed, sizeof(passed));
	assert_true(reader_next(&r, &p));
	assert_memory_equal(p.data, passed, sizeof(passed));
	free(r.data);
}

/* ---- what cannot be written ---- */

static void test_full(void **state)
{
	struct net_options opt = { .kind = "null" };
	const char *full = own_full(path);
	struct net_capture *c;
	struct net_queue_stats s;
	struct card card;
	struct net *n;

	(void)state;
	if (!full)
		skip();
	assert_int_equal(net_capture_open(full, &c, why, sizeof(why)), 0);
	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
	card_open(&card, wrap(c, n, 0));
	assert_int_equal(worker_call(card.worker, many, &card), 0);
	/* The card goes on. */
	net_get_stats(card.net, 0, &s);
	assert_int_equal(s.frames_out, MANY);
	assert_int_equal(net_capture_flush(c), -ENOSPC);
	card_close(&card);
	assert_int_equal(net_capture_close(c), -ENOSPC);
}

static void test_refused(void **state)
{
	struct net_capture *c;

	(void)state;
	assert_true(net_capture_open(dir, &c, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, dir));
	assert_true(net_capture_open("/nowhere/file", &c, why, sizeof(why)) <
		    0);
	assert_non_null(strstr(why, "cannot write /nowhere/file"));
	assert_int_equal(net_capture_close(NULL), 0);
}

static void test_discard(void **state)
{
	struct net_capture *c = open_capture();
	struct stat st;
	int fd;

	(void)state;
	net_capture_discard(c);
	assert_int_equal(stat(path, &st), -1);
	/* A file of the user's stays, though it was emptied. */
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	net_capture_discard(open_capture());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	net_capture_discard(NULL);
}

/* What was laid there under the capture's name is not written. */
static void test_laid_there(void **state)
{
	char worth[100];
	struct stat st;
	int fd;

	(void)state;
	snprintf(worth, sizeof(worth), "%s/worth", dir);
	fd = open(worth, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "keep", 4), 4);
	close(fd);
	assert_int_equal(link(worth, path), 0);
	assert_int_equal(net_capture_close(open_capture()), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 4);
	assert_int_equal(stat(worth, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(worth);
}

/* Somebody else's reader, where there is one. */
static void test_tcpdump(void **state)
{
	struct net_options opt = { .kind = "null" };
	struct net_capture *c;
	char line[300], text[100];
	struct card card;
	struct net *n;
	FILE *out;

	(void)state;
	if (system("command -v tcpdump >/dev/null"))
		skip();
	c = open_capture();
	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
	card_open(&card, wrap(c, n, 0));
	assert_int_equal(worker_call(card.worker, many, &card), 0);
	card_close(&card);
	assert_int_equal(net_capture_close(c), 0);
	snprintf(line, sizeof(line),
		 "tcpdump -ennr %s 2>/dev/null | "
		 "grep -c '02:00:00:00:00:02 > ff:ff:ff:ff:ff:ff.*length 700'",
		 path);
	out = popen(line, "r");
	assert_non_null(out);
	assert_non_null(fgets(text, sizeof(text), out));
	pclose(out);
	assert_int_equal(atoi(text), MANY);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sly),
		TEST(test_frames),
		TEST(test_only_what_passed),
		TEST(test_threads),
		TEST(test_full),
		TEST(test_refused),
		TEST(test_laid_there),
		TEST(test_discard),
		TEST(test_tcpdump),
	};

	return cmocka_run_group_tests_name("net-capture", tests, NULL, NULL);
}
