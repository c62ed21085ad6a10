// SPDX-License-Identifier: GPL-2.0
/* Brings the root partition up: modules, the machine's files, KVM. */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "root partition: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void mount_or_die(const char *what, const char *where, const char *type,
			 unsigned long flags, const char *options)
{
	mkdir(where, 0755);
	if (mount(what, where, type, flags, options) < 0)
		die("cannot mount %s at %s: %s", type, where, strerror(errno));
}

/* Loads the files named in @list, one a line, in its order. */
static void load_modules(const char *list)
{
	char path[512];
	FILE *f = fopen(list, "r");

	if (!f)
		return;
	while (fgets(path, sizeof(path), f)) {
		int fd;

		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die("no module %s", path);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			fprintf(stderr, "root partition: %s: %s\n", path,
				strerror(errno));
		close(fd);
	}
	fclose(f);
}

static void loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		perror("root partition: loopback");
	close(fd);
}

/*
 * The machine's root is never written: what a command changes outside build/
 * lives in memory and ends with the root partition.
 */
static void enter_machine_root(void)
{
	mount_or_die("tmpfs", "/layer", "tmpfs", 0, "mode=755,size=1g");
	mkdir("/layer/upper", 0755);
	mkdir("/layer/work", 0755);
	mount_or_die("root", "/machine", "9p", MS_RDONLY,
		     "trans=virtio,version=9p2000.L,msize=512000,cache=loose");
	mount_or_die(
		"overlay", "/root", "overlay", 0,
		"lowerdir=/machine,upperdir=/layer/upper,workdir=/layer/work");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		die("cannot enter the machine's root: %s", strerror(errno));
}

static void mount_pseudo(void)
{
	mount_or_die("proc", "/proc", "proc", 0, NULL);
	mount_or_die("sysfs", "/sys", "sysfs", 0, NULL);
	mount_or_die("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount_or_die("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	mount_or_die("devtmpfs", "/dev", "devtmpfs", 0, "mode=755");
	mount_or_die("devpts", "/dev/pts", "devpts", 0,
		     "mode=620,ptmxmode=666");
	mount_or_die("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	mount_or_die("tmpfs", "/run", "tmpfs", 0, "mode=755");
	if (symlink("/proc/self/fd", "/dev/fd") < 0 && errno != EEXIST)
		die("/dev/fd: %s", strerror(errno));
}

static void write_or_die(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("cannot write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

/*
 * QEMU writes the flags of its first processor's SVM from the threads of the
 * others (docs/testing.md), so nothing that runs children may come there.  The
 * limit stands in JOBS_GROUP; jobs live one group below it, where there is no
 * file to change it by.
 */
static void confine_jobs(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	char rest[32];

	if (count < 2)
		die("one processor: none is left for jobs");
	snprintf(rest, sizeof(rest), "1-%ld", count - 1);
	write_or_die("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset");
	if (mkdir(JOBS_GROUP, 0755) < 0 || mkdir(JOB_GROUP, 0755) < 0)
		die("cannot make %s: %s", JOB_GROUP, strerror(errno));
	write_or_die(JOBS_GROUP "/cpuset.cpus", rest);
}

static void quicken_children(void)
{
	/*
	 * vmwp asks for huge pages behind a child's memory. With them the child
	 * faults its memory in 512 times less often, and each such exit costs an
	 * emulated processor a tenth of a millisecond.
	 */
	write_or_die("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		     "advise");
}

void boot_system(void)
{
	mount_or_die("devtmpfs", "/dev", "devtmpfs", 0, "mode=755");
	load_modules("/modules.list");
	enter_machine_root();
	mount_pseudo();
	quicken_children();
	confine_jobs();
	loopback_up();
	setenv("PATH",
	       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	       1);
}

int boot_open_port(void)
{
	int tries, fd;

	/*
	 * The port's device appears when the driver has asked for it: within a
	 * second, but an emulated processor gets what a busy machine has left.
	 */
	for (tries = 0; tries < 6000; tries++) {
		fd = open("/dev/vport0p1", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	die("no virtio-serial port: %s", strerror(errno));
}
