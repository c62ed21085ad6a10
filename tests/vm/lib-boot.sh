# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What a bare machine must do, for a child's kernel: boots, processors, memory,
# ends.  A test sources lib.sh, then this.  No module of anybody is loaded.

# The child's side.  Kernel command line: want=PROCESSORS now=SECONDS then=END
boot_script() {
	guest_script boot <<'EOF'
echo "phase up"
is "$(nproc)" "$(word want)" 'processors'
is "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" \
	hyperv_clocksource_tsc_page 'the clock is the reference TSC page'
for say in 'Hypervisor detected: Microsoft Hyper-V' 'Using IPI hypercalls' \
		'Using hypercall for remote TLB flush'; do
	dmesg | grep -q "$say"; ok $? "$say"
done
set -- $(sed -n 's/^ *HVS: *//p' /proc/interrupts)
quiet=0 n=$(nproc)
while [ $n -gt 0 ]; do [ "$1" -gt 0 ] || quiet=$((quiet + 1)); shift; n=$((n - 1)); done
is $quiet 0 'processors without interrupts of their synthetic timer'
now=$(date +%s)
[ "$now" -ge "$(word now)" ] && [ "$now" -lt "$(($(word now) + 600))" ]
ok $? 'the time of day is right'
is "$(ls /sys/bus/pci/devices 2>/dev/null)" '' 'there is no PCI'
is "$(ls /sys/bus/serio/devices 2>/dev/null; grep -E '^ *0:|XT-PIC' /proc/interrupts)" '' \
	'there is nothing of an old PC'
note "memory $(sed -n 's/MemTotal: *//p' /proc/meminfo), up $(cut -d' ' -f1 /proc/uptime) s"
if [ -n "$(word high)" ]; then
	grep -q '^1[0-9a-f]*-.*System RAM' /proc/iomem; ok $? 'there is memory above the hole'
	dd if=/dev/zero of=/tmp/fill bs=1M count=64 2>/dev/null; ok $? 'and it can be used'
fi
case $(word then) in
reset) echo "phase end"; reboot -f ;;
hang) echo "phase end"; echo c >/proc/sysrq-trigger ;;
esac
EOF
}

# boot RUN KERNEL PROCESSORS CMDLINE VMWP-OPTION...
boot() {
	local run=$1 kernel=$2 n=$3 cmdline=$4
	shift 4
	CHILD_LIMIT=${CHILD_LIMIT:-240} run_child "$run" "$kernel" "boot-$kernel" \
		"want=$n now=$(date +%s) $cmdline" --processors "$n" "$@"
}

boot_passes() {
	boot "$@"
	child_passed "$1"
	# Looking for 8192 PCI functions or a keyboard would show here.
	at_most "$(stat_of "$1" .user_exits.pio)" 8000 "$1: port I/O exits"
}

# The same kernel with one, two and eight processors, as a file that unpacks itself.
boot_processors() { # KERNEL
	local n KERNEL_FILE=kernel_image
	for n in $(amount 1 "1 2 8"); do
		boot_passes "$1-p$n" "$1" $n '' --memory 256M
	done
}

boot_memory() { # KERNEL
	local least
	boot "$1-tiny" "$1" 1 '' --memory 64M
	case $CHILD_STATUS in
	0) child_passed "$1-tiny" ;;
	*)	# Debian's kernels want more; the message says how much.
		is "$CHILD_STATUS" 1 "$1-tiny: too little memory for this kernel"
		least=$(sed -n 's/.*at least \([0-9]*\) MiB.*/\1/p' "$T/$1-tiny.log")
		ok "$([ -n "$least" ]; echo $?)" "$1-tiny: told how much it takes"
		boot_passes "$1-least" "$1" 1 '' --memory "${least:-128}M"
		;;
	esac
	boot_passes "$1-large" "$1" 2 'high=1' --memory 3328M
}

# ended RUN PID: like run_child, of a child that runs already.
ended() {
	RUN=$1 CHILD_PID=$2
	wait_child 240
}

boot_ends() { # KERNEL
	local run=$1-reset reset triple hang
	start_child "$run" "$1" "boot-$1" "want=2 now=$(date +%s) then=reset" \
		--memory 256M --processors 2 --no-reboot
	reset=$CHILD_PID
	start_child "$1-triple" "$1" "boot-$1" "want=2 now=$(date +%s) then=reset reboot=t" \
		--memory 256M --processors 2
	triple=$CHILD_PID
	start_child "$1-hang" "$1" "boot-$1" "want=2 now=$(date +%s) then=hang panic=0" \
		--memory 256M --processors 2
	hang=$CHILD_PID

	ended "$run" $reset
	is "$CHILD_STATUS" 3 "$run: exit status with --no-reboot" || show_run "$run"
	no_splats "$run"

	run=$1-triple
	ended "$run" $triple
	is "$CHILD_STATUS" 2 "$run: a triple fault is a crash" || show_run "$run"
	like "$T/$run.log" 'triple fault' "$run: and is told"

	run=$1-hang
	ended "$run" $hang
	is "$CHILD_STATUS" 2 "$run: a panic that hangs is a crash" || show_run "$run"
	like "$T/$run.log" '^hv: .*the guest crashed: P0' "$run: its registers are told"
	like "$T/$run.log" '^guest: .*Kernel panic' "$run: its log is told"

	run=$1-again
	start_child "$run" "$1" "boot-$1" "want=2 now=$(date +%s) then=reset" \
		--memory 256M --processors 2
	boots=0 want=$(amount 2 3)
	for _ in $(seq 240); do
		boots=$(grep -c '^phase up' "$T/$run.verdict")
		[ "$boots" -lt "$want" ] || break
		sleep 1
	done
	is "$((boots >= want))" 1 "$run: it boots anew after each reset" || show_run "$run"
	control power-off
	wait_child 20
	is "$CHILD_STATUS" 0 "$run: exit status after a power-off from outside"
	is "$(grep -ac '^not ok' "$T/$run.verdict")" 0 "$run: all is well after a reset" ||
		grep -a '^not ok' "$T/$run.verdict"
	no_splats "$run"
}

# A shell on COM1 through a socket.
boot_console() { # KERNEL
	local run=$1-console
	begin_run "$run"
	build/host/vmwp --kernel "$(kernel_image "$1")" --initrd "$OUT/shell-$1.cpio" \
		--cmdline "$CHILD_CMDLINE" --memory 256M --serial "unix=$T/com1" \
		</dev/null >"$T/$run.log" 2>&1 &
	CHILD_PID=$!
	timeout 200 python3 - "$T/com1" >"$T/$run.console" <<'EOF'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
for _ in range(100):
    try:
        s.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.1)
s.settimeout(150)
seen = b""
def until(what):
    global seen
    while what not in seen:
        got = s.recv(4096)
        if not got:
            sys.exit("the line was closed")
        sys.stdout.buffer.write(got)
        seen += got
    seen = seen.partition(what)[2]
until(b"# ")
s.sendall(b"echo $((6 * 7))$((0 + 1))\n")
until(b"421")
# More than the port's FIFO, and more than the receiver takes at once.
s.sendall(b"wc -c <<X\n" + b"0123456789012345678901234567890123456789\n" * 60 + b"X\n")
until(b"2460")
s.sendall(b"poweroff -f\n")
EOF
	ok $? "$run: a dialogue on COM1"
	wait_child 30
	is "$CHILD_STATUS" 0 "$run: exit status" || show_run "$run"
	ok "$([ ! -e "$T/com1" ]; echo $?)" "$run: the socket is gone"
}
