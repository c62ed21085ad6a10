#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make run` shows inside the child: our modules by insmod, a file system
# on the disk behind them, an address and a page over the network card, and a
# table of what is bound to what.  Prints on the console; its exit status is the
# verdict.
exec 3>&1 >/dev/console 2>&1
release=$(uname -r)
modules=/lib/modules/$release
failed=0
shell=$(sed -n 's/.*demo\.shell=\([01]\).*/\1/p' /proc/cmdline)

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*"; failed=1; }

step "Child partition: Linux $release, $(nproc) processors"
dmesg | sed -n 's/.*\(Hypervisor detected: .*\)/\1/p'
echo "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"

step 'insmod'
load() {
	for need in $(modprobe -D "$1" | sed -n "s|^insmod $modules/\([^ ]*\)\.ko.*|\1|p"); do
		grep -q "^$need " /proc/modules && continue
		echo "insmod $modules/$need.ko"
		insmod "$modules/$need.ko" || fail "insmod $need"
	done
}
load hv_vmbus
load sd_mod
load hv_storvsc
load crc32c_generic
load ext4
load hv_netvsc
dmesg | sed -n 's/.*\(Vmbus version:.*\)/hv_vmbus: \1/p'

step 'A real disk'
disk=
tries=0
while [ -z "$disk" ] && [ $tries -lt 100 ]; do
	for d in /sys/block/sd*; do
		[ -e "$d" ] && disk=/dev/${d##*/} && break
	done
	[ -n "$disk" ] || sleep 0.1
	tries=$((tries + 1))
done
if [ -z "$disk" ]; then
	fail 'no disk came up within 10 seconds'
else
	b=/sys/block/${disk#/dev/}
	echo "$disk: $(($(cat "$b/size") / 2048)) MiB, $(cat "$b/device/vendor" "$b/device/model" |
		tr -s ' \n' ' '), wwn $(sed 's/^naa\.//' "$b/device/wwid" 2>/dev/null)"
	mkfs.ext4 -q "$disk" && mount -t ext4 "$disk" /mnt || fail "no file system on $disk"
	dd if=/dev/urandom of=/mnt/data bs=1M count=16 2>/dev/null
	wrote=$(sha256sum </mnt/data)
	umount /mnt && echo 3 >/proc/sys/vm/drop_caches && mount -t ext4 "$disk" /mnt
	[ -n "$wrote" ] && [ "$(sha256sum </mnt/data)" = "$wrote" ] ||
		fail 'the data read is not the data written'
	[ $failed = 0 ] && echo '16 MiB written, read back after a remount: same checksum'
	umount /mnt
fi

step 'A network card'
cat >/tmp/udhcpc.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router" dev "$interface"
echo "$ip, from $serverid, for $lease s" >/tmp/lease
END
chmod +x /tmp/udhcpc.sh
card=
tries=0
while [ -z "$card" ] && [ $tries -lt 100 ]; do
	for d in /sys/bus/vmbus/devices/*/net/*; do
		[ -e "$d" ] && card=${d##*/} && break
	done
	[ -n "$card" ] || sleep 0.1
	tries=$((tries + 1))
done
if [ -z "$card" ]; then
	fail 'no network card came up within 10 seconds'
else
	ip link set "$card" up
	udhcpc -i "$card" -n -q -f -t 10 -T 1 -s /tmp/udhcpc.sh >/tmp/udhcpc.out 2>&1 ||
		fail "no address by DHCP: $(tail -n 1 /tmp/udhcpc.out)"
	n=/sys/class/net/$card
	echo "$card: $(cat $n/address), MTU $(cat $n/mtu), $(cat $n/speed) Mbit/s"
	echo "address by DHCP: $(cat /tmp/lease)"
	url=$(sed -n 's/.*demo\.page=\([^ ]*\).*/\1/p' /proc/cmdline)
	echo "wget $url"
	timeout 10 wget -q -O /tmp/page "$url" || fail "$url could not be fetched"
	cat /tmp/page
	grep -q "$(sed -n 's/.*demo\.token=\([^ ]*\).*/\1/p' /proc/cmdline)" /tmp/page ||
		fail 'that is not the page which the root side has'
fi

step 'What is bound to what'
bound=0
printf '%-38s %-16s %-13s %s\n' 'VMBus device' 'driver' 'channels' 'serves'
for dev in /sys/bus/vmbus/devices/*; do
	[ -e "$dev" ] || continue
	driver=$(readlink "$dev/driver")
	serves=
	for blk in "$dev"/host*/target*/*/block/*; do
		[ -e "$blk" ] && serves="$serves ${blk##*/}"
	done
	for net in "$dev"/net/*; do
		[ -e "$net" ] && serves="$serves ${net##*/}"
	done
	[ -n "$driver" ] && bound=$((bound + 1))
	printf '%-38s %-16s %-13s%s\n' "${dev##*/}" "${driver##*/}" \
		"$(ls "$dev/channels" | wc -l)" "${serves:- -}"
done
[ $bound -gt 0 ] || fail 'no VMBus device has a driver'
for m in hv_vmbus hv_storvsc hv_netvsc; do
	if modinfo "$modules/$m.ko" 2>/dev/null | grep -q '^intree: *Y'; then
		fail "$m is the in-tree module"
	fi
done

echo "demo $failed" >&3
if [ "$shell" = 1 ]; then
	step 'The shell of the child partition: "poweroff" ends it, or Ctrl-A x'
	trap : HUP	# the shell is hung up, not what it was started for
	setsid -c sh -l </dev/ttyS0 >/dev/ttyS0 2>&1 3>&-
fi
exit $failed
