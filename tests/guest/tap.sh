# SPDX-License-Identifier: GPL-2.0
# What a child's test script may use; it is put in front of each.  Its output
# goes to the verdict port, one result a line; the status counts failures.

failures=0 complete=
trap 'ended $?' EXIT

# A script that breaks off, over a word that the shell can't read or a sum that
# it can't do, has not passed.  guest_script has each end with complete=yes.
ended() {
	[ -n "$complete" ] || ok 1 "the script came to its end, not to status $1"
	exit $((failures > 0))
}

# The rest is not for this child.
end_here() {
	complete=yes
	exit
}

note() { echo "# $*"; }

# ok STATUS NAME
ok() {
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		failures=$((failures + 1))
		return 1
	fi
}

# is GOT WANTED NAME
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		note "got '$1', wanted '$2'"
		ok 1 "$3"
	fi
}

# printed: all that was said has left the verdict port, which a reset would cut short.
printed() { stty -F /dev/ttyS1 -echo; }

# run NAME COMMAND...: passes if the command does; shows its output if not.
run() {
	name=$1
	shift
	if "$@" >/tmp/run.out 2>&1; then
		ok 0 "$name"
	else
		sed 's/^/#   /' /tmp/run.out | tail -n 20
		ok 1 "$name"
	fi
}

# word NAME: the value of NAME=VALUE on the kernel's command line.
word() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $tries -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
}

# amount FEW ALL: how often to do a thing, in make check and in make check-long
amount() {
	if grep -q enlight.short /proc/cmdline; then echo "$1"; else echo "$2"; fi
}

# first_disk [SECONDS]: the first disk behind the bus, once it is there.
first_disk() {
	wait_for "${1:-20}" test -e /sys/block/sda || return 1
	echo /dev/sda
}

# scans_end: before a processor goes, no scan may be under way. A scan makes request
# queues, which the block layer registers for that event before it has initialised their
# lists (6.1, blk_mq_init_allocated_queue()): the kernel would crash, whosever disk it is.
# Another scan waits for those that run.
scans_end() {
	for scan in /sys/class/scsi_host/*/scan; do echo '- - -' >$scan; done
}

# there LUN: whether the first controller has shown it.
there() { ls -d /sys/bus/scsi/devices/*:0:0:$1 >/dev/null 2>&1; }

# told LUN [SECONDS]: waits for the LUN that the root side adds (sign_lun) once it has
# seen what it wanted to see. It looks seldom: what the root side counts is the rest.
told() {
	seconds=${2:-120}
	until there "$1"; do
		[ $seconds -gt 0 ] || return 1
		seconds=$((seconds - 1))
		sleep 1
	done
}

# reads DISK: reads it again and again, beside all else, until reads_end NAME, which
# passes if no read failed and one more comes to its end.
reads() {
	( while [ ! -e /tmp/reads.stop ]; do
		dd if=$1 of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null || echo >/tmp/reads.failed
		echo >>/tmp/reads.done
	done ) &
	reader=$!
}
reads_end() {
	has_read() { [ "$(wc -l </tmp/reads.done)" -gt $((before + 1)) ]; }
	before=$(wc -l </tmp/reads.done)
	wait_for 60 has_read && test ! -e /tmp/reads.failed
	ok $? "$1"
	touch /tmp/reads.stop
	# It has ended afterwards; one that hangs in a read isn't waited for.
	if has_read; then wait $reader; else kill $reader; fi
}

# not_theirs: of kmemleak's objects all but those that the kernel itself loses. 6.1 has a
# device wait whose driver comes while it is being added, and never frees the reason why
# (__driver_probe_device()).
not_theirs() {
	awk 'function end() { if (o !~ /device_set_deferred_probe_reason/) printf "%s", o; o = "" }
		/^unreferenced object/ { end() }
		{ o = o $0 "\n" }
		END { end() }'
}

# leaks TEXT: kmemleak knows none.  Objects are given time to be found: freed by
# RCU, just allocated.
leaks() {
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak; sleep 1; echo scan >/sys/kernel/debug/kmemleak
	is "$(not_theirs </sys/kernel/debug/kmemleak)" '' "$1"
}
