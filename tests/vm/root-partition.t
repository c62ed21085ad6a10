#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The emulated root partition keeps whatever runs children off the first of its
# processors, and no command can get there (docs/testing.md tells why).
# root-kernel: 6.1
# timeout: 200
. "$(dirname "$0")/lib.sh"

guest_script wait <<'EOF'
echo "phase up"
sleep 600
EOF
initramfs wait 6.1 --script "$OUT/wait.sh"
enter_root
if [ "$ENLIGHT_IN_ROOT_PARTITION" != nested ]; then
	skip 'a processor is set apart' 'KVM of a real machine'
	finish
fi

allowed() { sed -n 's/^Cpus_allowed_list:\t//p' "$@" | sort -u; }
refused() { # COMMAND...
	"$@" 2>/dev/null && return 1
	return 0
}

all=$(grep -c ^processor /proc/cpuinfo)
rest=1-$((all - 1))
is "$(nproc)" $((all - 1)) 'a command sees one processor less than there are'
is "$(allowed /proc/self/status)" "$rest" 'the first is the one it does not have'

refused taskset -c 0 true
ok $? 'a command cannot ask for the first alone'
taskset -pc "0-$((all - 1))" $$ >/dev/null
is "$(allowed /proc/$$/status)" "$rest" 'nor for it among others'
is "$(cat /proc/self/cgroup)" 0::/ 'its own group is all it sees of groups'
refused test -e /sys/fs/cgroup/cpuset.cpus
ok $? 'its group has no cpuset to change'
refused sh -c 'echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control'
ok $? 'nor can one be had'
refused mount -t cgroup -o cpuset none "$T"
ok $? 'cpusets of the old kind cannot be mounted'
mkdir "$T/groups"
mount -t cgroup2 none "$T/groups"
refused test -e "$T/groups/jobs"
ok $? 'another view of groups shows no other'
umount "$T/groups"

start_child wait 6.1 wait '' --processors 4 --memory 256M
wait_line wait '^phase up' 100
ok $? 'a child runs'
is "$(allowed /proc/"$CHILD_PID"/task/*/status)" "$rest" \
	'every thread of its worker is held to the rest'
control power-off >/dev/null
wait_child 20
is "$CHILD_STATUS" 0 'the child powered off'
finish
