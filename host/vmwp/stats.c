// SPDX-License-Identifier: GPL-2.0
/* Counters of everything, as JSON: for --stats and for GetStats. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/nofile.h"
#include "util/now.h"
#include "util/out_file.h"
#include "vmwp.h"

static void put(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void put_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key,
			       value ? json_object_new_string(value) : NULL);
}

static struct json_object *exits_json(const struct vp_stats *s)
{
	struct json_object *o = json_object_new_object();

	put(o, "all", s->exits);
	put(o, "pio", s->pio);
	put(o, "mmio", s->mmio);
	put(o, "msr", s->msr);
	put(o, "hypercall", s->hypercall);
	put(o, "synic", s->synic);
	put(o, "interrupted", s->interrupted);
	put(o, "other", s->other);
	return o;
}

static void add_exits(struct vmwp *w, struct json_object *root)
{
	struct json_object *list = json_object_new_array();
	struct vp_stats sum = { 0 }, vp;
	unsigned int i;

	for (i = 0; i < w->opt->processors; i++) {
		vp_get_stats(vm_vp(w->vm, i), &vp);
		sum.exits += vp.exits;
		sum.pio += vp.pio;
		sum.mmio += vp.mmio;
		sum.msr += vp.msr;
		sum.hypercall += vp.hypercall;
		sum.synic += vp.synic;
		sum.interrupted += vp.interrupted;
		sum.other += vp.other;
		json_object_array_add(list, exits_json(&vp));
	}
	json_object_object_add(root, "user_exits", exits_json(&sum));
	json_object_object_add(root, "user_exits_per_vp", list);
}

static void add_kvm_stat(const char *name, uint64_t value, void *arg)
{
	put(arg, name, value);
}

static void add_hypervisor(struct vmwp *w, struct json_object *root)
{
	struct json_object *kvm = json_object_new_object();
	struct json_object *hv = json_object_new_object();
	struct bridge_stats bridge;
	struct hv_stats s;

	vm_each_kvm_stat(w->vm, add_kvm_stat, kvm);
	json_object_object_add(root, "kvm", kvm);
	hv_get_stats(w->hv, &s);
	bridge_get_stats(w, &bridge);
	put(hv, "hypercalls", s.hypercalls);
	put(hv, "messages_from_child", bridge.messages);
	put(hv, "messages_no_buffers", bridge.refused_full);
	put(hv, "messages_refused", bridge.refused_bad);
	put(hv, "messages_posted", s.messages_posted);
	put(hv, "messages_retried", s.messages_retried);
	put(hv, "messages_dropped", s.messages_dropped);
	put(hv, "events_signalled", s.events_signalled);
	json_object_object_add(root, "hypervisor", hv);
}

/* What the child can have it do is in "calls"; a turn may be a user's command. */
static void add_main(struct vmwp *w, struct json_object *root)
{
	struct json_object *o = json_object_new_object();
	struct loop_stats s;

	loop_get_stats(w, &s);
	put(o, "turns", s.turns);
	put(o, "turn_longest_us", s.turn.longest_ns / 1000);
	put(o, "turn_longest_cpu_us", s.turn.longest_cpu_ns / 1000);
	put(o, "calls", s.calls);
	put(o, "calls_longest_us", s.call.longest_ns / 1000);
	put(o, "calls_longest_cpu_us", s.call.longest_cpu_ns / 1000);
	put(o, "calls_waiting_most", s.most_waiting);
	json_object_object_add(root, "main", o);
}

static void add_channel(struct vmbus_chan *ch, void *arg)
{
	struct json_object *o = json_object_new_object();
	struct vmbus_chan_stats s;

	vmbus_chan_get_stats(ch, &s);
	put_text(o, "name", vmbus_chan_name(ch));
	put(o, "relid", vmbus_chan_relid(ch));
	put(o, "sub_index", vmbus_chan_sub_index(ch));
	put_text(o, "state", vmbus_chan_state(ch));
	put(o, "packets_in", s.packets_in);
	put(o, "packets_out", s.packets_out);
	put(o, "bytes_in", s.bytes_in);
	put(o, "bytes_out", s.bytes_out);
	put(o, "signals_in", s.signals_in);
	put(o, "interrupts_out", s.interrupts);
	put(o, "ring_full", s.ring_full);
	put(o, "opens", s.opens);
	put(o, "closes", s.closes);
	put(o, "errors", s.errors);
	json_object_array_add(arg, o);
}

static void add_vmbus(struct vmwp *w, struct json_object *root)
{
	struct json_object *o = json_object_new_object();
	struct json_object *channels = json_object_new_array();
	struct vmbus_server_stats s;
	char version[16] = "";

	vmbus_server_get_stats(w->srv, &s);
	if (w->vmbus_version)
		snprintf(version, sizeof(version), "%u.%u",
			 w->vmbus_version >> 16, w->vmbus_version & 0xffff);
	put_text(o, "version", version);
	put(o, "messages_in", s.messages_in);
	put(o, "messages_out", s.messages_out);
	put(o, "messages_bad", s.messages_bad);
	put(o, "gpadls", s.gpadls);
	put(o, "gpadl_bytes", s.gpadl_bytes);
	put(o, "connects", s.connects);
	put(o, "unloads", s.unloads);
	put(o, "faults", s.faults);
	json_object_object_add(root, "vmbus", o);
	vmbus_server_each(w->srv, add_channel, channels);
	json_object_object_add(root, "channels", channels);
}

static int add_disk(unsigned int controller,
		    const struct storvsp_lun_info *info, void *arg)
{
	struct json_object *o = json_object_new_object();

	put(o, "controller", controller);
	put(o, "lun", info->lun);
	put_text(o, "file", info->path);
	put_text(o, "format", info->format);
	put_text(o, "serial", info->serial);
	put_text(o, "wwn", info->wwn);
	put(o, "size", info->disk.size);
	json_object_object_add(o, "readonly",
			       json_object_new_boolean(info->disk.readonly));
	put(o, "reads", info->reads);
	put(o, "writes", info->writes);
	put(o, "flushes", info->flushes);
	put(o, "discards", info->discards);
	put(o, "errors", info->errors);
	put(o, "bytes_read", info->bytes_read);
	put(o, "bytes_written", info->bytes_written);
	put(o, "bytes_copied", info->bytes_copied);
	put(o, "in_flight", info->in_flight);
	put_text(o, "state", info->state);
	json_object_array_add(arg, o);
	return 0;
}

static void add_disks(struct vmwp *w, struct json_object *root)
{
	struct json_object *disks = json_object_new_array();
	struct json_object *workers = json_object_new_array();
	unsigned int c;

	scsi_each(w, add_disk, disks);
	json_object_object_add(root, "disks", disks);
	for (c = 0; c < OPTIONS_CONTROLLERS; c++) {
		struct json_object *o;
		struct worker_stats s;

		if (!w->scsi[c])
			continue;
		storvsp_worker_stats(w->scsi[c], &s);
		o = json_object_new_object();
		put(o, "controller", c);
		put(o, "system_calls", s.system_calls);
		put(o, "wakeups", s.wakeups);
		put(o, "ios", s.ios);
		json_object_array_add(workers, o);
	}
	json_object_object_add(root, "workers", workers);
}

static uint64_t status_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	/* Not ".", ".." and the directory itself. */
	return n > 3 ? n - 3 : 0;
}

/*
 * Guest memory is a memfd: shared memory to the kernel.  What is left, the
 * process's own, is its anonymous and its file pages.
 */
static void add_process(struct json_object *root)
{
	struct json_object *o = json_object_new_object();
	char text[4096];
	ssize_t n = 0;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	put(o, "resident_own",
	    (status_field(text, "\nRssAnon:") + status_field(text, "\nRssFile:"))
		    << 10);
	put(o, "resident_shared", status_field(text, "\nRssShmem:") << 10);
	put(o, "threads", status_field(text, "\nThreads:"));
	put(o, "open_files", open_files());
	put(o, "open_files_limit", nofile_limit());
	put(o, "pid", getpid());
	json_object_object_add(root, "process", o);
}

struct json_object *stats_collect(struct vmwp *w)
{
	struct json_object *root = json_object_new_object();

	if (!root)
		return NULL;
	put_text(root, "name", w->opt->name);
	put_text(root, "state", life_state(w));
	put(root, "uptime_ms", (now_ns() - w->start_ns) / 1000000);
	put(root, "processors", w->opt->processors);
	put(root, "memory", w->opt->memory);
	put(root, "resets", w->resets);
	add_exits(w, root);
	add_hypervisor(w, root);
	add_main(w, root);
	add_vmbus(w, root);
	add_disks(w, root);
	json_object_object_add(root, "nets", stats_cards(w));
	add_process(root);
	return root;
}

/* Said now rather than at the end, when the run would be in vain. */
int stats_check(const char *path, char *why, size_t why_len)
{
	int err = out_file_check(path);

	if (err)
		snprintf(why, why_len, "--stats: cannot write %s: %s", path,
			 out_file_error(err));
	return err;
}

static int write_text(int fd, const char *text)
{
	size_t len = strlen(text), done = 0;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += n;
	}
	return 0;
}

/* A file appears whole or not at all. */
int stats_write(struct vmwp *w, const char *path)
{
	struct json_object *root = stats_collect(w);
	struct out_file f;
	const char *text;
	int err, last;

	if (!root)
		return -ENOMEM;
	text = json_object_to_json_string_ext(
		root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			      JSON_C_TO_STRING_NOSLASHESCAPE);
	err = text ? out_file_open(&f, path, 0666) : -ENOMEM;
	if (!err) {
		err = write_text(f.fd, text);
		if (!err)
			err = write_text(f.fd, "\n");
		if (!err)
			err = out_file_place(&f);
		last = out_file_close(&f);
		err = err ? err : last;
	}
	json_object_put(root);
	return err;
}
