// SPDX-License-Identifier: GPL-2.0
/*
 * The far end of a serial line: a terminal, a file, a socket, or nothing.
 *
 * Output: a VP only puts bytes into a ring and never waits.  A writer thread
 * takes what has gathered in 2 ms and writes it at one go.  When the peer is
 * too slow (or, with a socket, not there) the oldest bytes make room for new
 * ones: the newest 256 KiB are kept for it.
 *
 * Input: the owner polls one descriptor for life, an epoll set; what is in it
 * changes as a peer comes and goes or while the guest doesn't read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "serial_var.h"
#include "util/accept.h"
#include "util/now.h"
#include "util/out_file.h"
#include "util/thread.h"

#define GATHER_NS 2000000l
#define CHUNK	  4096u
#define FLUSH_MS  2000 /* at the end, for a peer that doesn't take it */
#define END_MS	  3000 /* for a writer that is stuck in one write */
#define CTRL_A	  1

/* ---- output ---- */

void line_put(struct serial *s, unsigned char c)
{
	struct line *l = &s->line;

	if (!l->tx)
		return;
	pthread_mutex_lock(&l->lock);
	if (l->tx_head - l->tx_tail == TX_ROOM) {
		l->tx_tail++;
		l->tx_dropped++;
	}
	l->tx[l->tx_head++ % TX_ROOM] = c;
	if (l->writer_sleeps && l->out >= 0 && !l->failed) {
		l->writer_sleeps = false;
		pthread_cond_signal(&l->cond);
	}
	pthread_mutex_unlock(&l->lock);
}

/* Bytes written, 0 when the peer takes nothing now, -errno when it is lost. */
static ssize_t line_write(struct line *l, const char *buf, size_t len)
{
	ssize_t n = -ENOTCONN;

	pthread_mutex_lock(&l->io_lock);
	if (l->out >= 0) {
		if (l->out_is_socket)
			n = send(l->out, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(l->out, buf, len);
		if (n < 0)
			n = errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	pthread_mutex_unlock(&l->io_lock);
	return n;
}

/* Bounded: a peer that leaves is noticed by the next write. */
static void wait_for_room(struct line *l)
{
	struct pollfd p = { .fd = l->out, .events = POLLOUT };

	poll(&p, 1, 100);
}

/*
 * A file that is full, a terminal or pipe that never comes back: what can't be
 * written is not kept.  With lock held; returns with it held.
 */
static void give_up(struct serial *s, int err)
{
	struct line *l = &s->line;
	bool tell = err != l->write_err;

	l->tx_tail = l->tx_head;
	l->write_err = err;
	if (!tell)
		return;
	pthread_mutex_unlock(&l->lock);
	log_guest(&s->limit, s->name, "output is lost: %s", strerror(-err));
	pthread_mutex_lock(&l->lock);
}

/* With lock held; returns with it held. */
static void write_some(struct serial *s)
{
	struct line *l = &s->line;
	char buf[CHUNK];
	unsigned int peer = l->peers;
	size_t at = l->tx_tail;
	size_t len = l->tx_head - at;
	size_t i;
	ssize_t n;

	if (len > CHUNK)
		len = CHUNK;
	for (i = 0; i < len; i++)
		buf[i] = l->tx[(at + i) % TX_ROOM];
	pthread_mutex_unlock(&l->lock);
	n = line_write(l, buf, len);
	if (!n)
		wait_for_room(l);
	pthread_mutex_lock(&l->lock);
	/* Meanwhile the oldest may have been given up. */
	if (n > 0 && at + n > l->tx_tail)
		l->tx_tail = at + n;
	if (n > 0)
		l->write_err = 0;
	if (n >= 0 || peer != l->peers)
		return;
	if (l->out_is_peer)
		l->failed = true;
	else
		give_up(s, n);
}

static bool may_write(const struct line *l)
{
	return l->tx_head != l->tx_tail && l->out >= 0 && !l->failed;
}

static void tell_dropped(struct serial *s)
{
	struct line *l = &s->line;
	uint64_t n = l->tx_dropped;

	if (!n || l->tx_head != l->tx_tail)
		return;
	l->tx_dropped = 0;
	pthread_mutex_unlock(&l->lock);
	log_guest(&s->limit, s->name,
		  "%llu bytes of output were dropped: nobody read them in time",
		  (unsigned long long)n);
	pthread_mutex_lock(&l->lock);
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static void *writer(void *arg)
{
	const struct timespec gather = { .tv_nsec = GATHER_NS };
	struct serial *s = arg;
	struct line *l = &s->line;
	uint64_t until;

	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (may_write(l)) {
			write_some(s);
			tell_dropped(s);
			continue;
		}
		/* Until there is output and a peer, or the end. */
		l->writer_sleeps = true;
		pthread_cond_wait(&l->cond, &l->lock);
		if (l->stop)
			break;
		pthread_mutex_unlock(&l->lock);
		nanosleep(&gather, NULL);
		pthread_mutex_lock(&l->lock);
	}
	until = now_ms() + FLUSH_MS;
	while (may_write(l) && now_ms() < until)
		write_some(s);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* False: it is stuck in a write, and uses the line when that comes back. */
static bool writer_end(struct serial *s)
{
	struct line *l = &s->line;
	uint64_t ms = now_ms() + END_MS;
	const struct timespec until = { .tv_sec = ms / 1000,
					.tv_nsec = ms % 1000 * 1000000l };

	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
	if (!pthread_clockjoin_np(l->writer, NULL, CLOCK_MONOTONIC, &until))
		return true;
	log_warn(s->name, "output is lost: its reader takes nothing");
	pthread_detach(l->writer);
	return false;
}

static int writer_start(struct serial *s)
{
	struct line *l = &s->line;
	int err;

	l->tx = malloc(TX_ROOM);
	if (!l->tx)
		return -ENOMEM;
	err = thread_create(&l->writer, writer, s);
	l->writer_up = !err;
	return err;
}

/* ---- input ---- */

static int watch_add(struct line *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

/* Taken out, and not only asked for nothing: a hang-up would be told all the same. */
static void watch(struct line *l, int fd, bool on)
{
	if (fd < 0)
		return;
	if (on)
		watch_add(l, fd); /* -EEXIST is fine */
	else
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Ordinary files are always readable, and epoll refuses them. */
static int watch_input(struct line *l)
{
	int err = watch_add(l, l->in);

	if (err != -EPERM)
		return err;
	l->always = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return l->always < 0 ? -errno : watch_add(l, l->always);
}

static int input_watched(const struct line *l)
{
	return l->always >= 0 ? l->always : l->in;
}

/* A VP's thread, too: under the lock the input can't end, nor its number be another's. */
void line_unstall(struct serial *s)
{
	struct line *l = &s->line;

	pthread_mutex_lock(&l->lock);
	if (l->in >= 0)
		watch(l, input_watched(l), true);
	pthread_mutex_unlock(&l->lock);
}

static void input_end(struct serial *s)
{
	struct line *l = &s->line;

	pthread_mutex_lock(&l->lock);
	watch(l, input_watched(l), false);
	l->in = -1;
	/* Other targets keep their output, and a write to one may take for ever. */
	if (l->out_is_peer) {
		pthread_mutex_lock(&l->io_lock);
		if (l->out >= 0)
			close(l->out);
		l->out = -1;
		pthread_mutex_unlock(&l->io_lock);
	}
	pthread_mutex_unlock(&l->lock);
	if (l->listener >= 0)
		watch(l, l->listener, true);
}

static void listen_later(struct line *l)
{
	const struct itimerspec when = {
		.it_value = { .tv_nsec = ACCEPT_PAUSE_MS * 1000000l },
	};

	if (!timerfd_settime(l->again, 0, &when, NULL))
		watch(l, l->listener, false);
}

static void listen_again(struct line *l)
{
	uint64_t count;

	if (read(l->again, &count, sizeof(count)) == sizeof(count) && l->in < 0)
		watch(l, l->listener, true);
}

static void peer_accept(struct serial *s)
{
	struct line *l = &s->line;
	int fd = accept_next(l->listener, s->name);

	if (accept_starved(fd))
		listen_later(l);
	if (fd < 0)
		return;
	if (watch_add(l, fd)) {
		close(fd);
		return;
	}
	/* One at a time: others wait in the queue. */
	watch(l, l->listener, false);
	pthread_mutex_lock(&l->lock);
	pthread_mutex_lock(&l->io_lock);
	l->in = fd;
	l->out = fd;
	pthread_mutex_unlock(&l->io_lock);
	l->peers++;
	l->failed = false;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

/* On a terminal, Ctrl-A introduces our own commands; returns the new length. */
static size_t escapes(struct serial *s, unsigned char *buf, size_t len)
{
	unsigned char in[RX_ROOM / 2];
	struct line *l = &s->line;
	size_t i, n = 0;

	memcpy(in, buf, len);
	for (i = 0; i < len; i++) {
		if (!l->escape && in[i] == CTRL_A) {
			l->escape = true;
			continue;
		}
		if (l->escape && in[i] == 'x') {
			if (s->cfg.quit)
				s->cfg.quit(s->cfg.priv);
		} else {
			/* Twice Ctrl-A is one; before others it is meant as such. */
			if (l->escape && in[i] != CTRL_A)
				buf[n++] = CTRL_A;
			buf[n++] = in[i];
		}
		l->escape = false;
	}
	return n;
}

static void input_read(struct serial *s)
{
	unsigned char buf[RX_ROOM];
	struct line *l = &s->line;
	size_t room = serial_room(s);
	ssize_t n;

	if (room > RX_ROOM / 2)
		room = RX_ROOM / 2;
	if (!room) {
		watch(l, input_watched(l), false);
		/* The guest may have read meanwhile. */
		if (serial_room(s))
			line_unstall(s);
		return;
	}
	n = read(l->in, buf, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		input_end(s);
		return;
	}
	/* A held-back Ctrl-A may add one byte: that one may get lost. */
	serial_receive(s, buf, l->raw ? escapes(s, buf, n) : (size_t)n);
}

int serial_input_fd(const struct serial *s)
{
	return s->line.epoll;
}

void serial_input_ready(struct serial *s)
{
	struct line *l = &s->line;
	struct epoll_event e[4];
	int i, n;

	n = epoll_wait(l->epoll, e, 4, 0);
	for (i = 0; i < n; i++) {
		if (e[i].data.fd == l->listener)
			peer_accept(s);
		else if (e[i].data.fd == l->again)
			listen_again(l);
		else if (l->in >= 0)
			input_read(s);
	}
}

/* ---- targets ---- */

/*
 * A description of our own, so that non-blocking output doesn't change the
 * terminal or pipe for those who share it.  Where that can't be had, writing
 * may block the writer thread, and only that.
 */
static int reopen_stdout(struct line *l)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDOUT_FILENO, &st))
		return -errno;
	l->out_is_socket = S_ISSOCK(st.st_mode);
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/1",
			  O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	l->out = fd;
	return fd < 0 ? -errno : 0;
}

/* Only what runs in the foreground may change a terminal. */
static void terminal_raw(struct line *l)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &l->saved))
		return;
	t = l->saved;
	cfmakeraw(&t);
	/* Our own messages end with a newline only. */
	t.c_oflag |= OPOST | ONLCR;
	l->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static int open_stdio(struct line *l)
{
	int err = reopen_stdout(l);

	if (err)
		return err;
	if (fcntl(STDIN_FILENO, F_GETFD) < 0)
		return 0;
	l->in = STDIN_FILENO;
	terminal_raw(l);
	return watch_input(l);
}

static int open_file(struct line *l, const char *path)
{
	struct out_file f;
	int err = out_file_open(&f, path, 0644);

	if (err)
		return err;
	err = out_file_place(&f);
	if (!err) {
		l->out = f.fd;
		f.fd = -1;
	}
	out_file_close(&f);
	return err;
}

static int open_unix(struct line *l, const char *path, char *why,
		     size_t why_len)
{
	char what[192];
	int err;

	l->listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listener < 0)
		return -errno;
	err = socket_file_bind(&l->file, l->listener, path, what, sizeof(what));
	if (err) {
		snprintf(why, why_len, "serial port: %s", what);
		return err;
	}
	if (listen(l->listener, 1))
		return -errno;
	/* Now, as it is wanted when there is no descriptor left. */
	l->again = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->again < 0)
		return -errno;
	l->out_is_socket = true;
	l->out_is_peer = true;
	err = watch_add(l, l->again);
	return err ? err : watch_add(l, l->listener);
}

/* Without a *why where the error's own text says it all. */
static int open_target(struct line *l, const char *target, char *why,
		       size_t why_len)
{
	if (!strcmp(target, "stdio"))
		return open_stdio(l);
	if (!strncmp(target, "file=", 5) && target[5])
		return open_file(l, target + 5);
	if (!strncmp(target, "unix=", 5) && target[5])
		return open_unix(l, target + 5, why, why_len);
	snprintf(why, why_len,
		 "serial port %s: give stdio, none, file=PATH or unix=PATH",
		 target);
	return -EINVAL;
}

int line_open(struct serial *s, char *why, size_t why_len)
{
	const char *target = s->cfg.target;
	struct line *l = &s->line;
	int err;

	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->io_lock, NULL);
	pthread_cond_init(&l->cond, NULL);
	l->out = -1;
	l->in = -1;
	l->listener = -1;
	l->again = -1;
	l->always = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll >= 0 && !strcmp(target, "none"))
		return 0;
	*why = 0;
	err = l->epoll < 0 ? -errno : open_target(l, target, why, why_len);
	if (!err)
		err = writer_start(s);
	if (err && !*why)
		snprintf(why, why_len, "serial port %s: %s", target,
			 out_file_error(err));
	return err;
}

bool line_close(struct serial *s)
{
	struct line *l = &s->line;
	bool ended = !l->writer_up || writer_end(s);

	if (l->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &l->saved);
	socket_file_remove(&l->file);
	if (l->listener >= 0)
		close(l->listener);
	if (l->again >= 0)
		close(l->again);
	if (l->always >= 0)
		close(l->always);
	if (l->epoll >= 0)
		close(l->epoll);
	if (!ended)
		return false;
	free(l->tx);
	if (l->out >= 0)
		close(l->out);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->io_lock);
	pthread_mutex_destroy(&l->lock);
	return true;
}
