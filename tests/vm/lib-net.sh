# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Library of the network tests.  A test sources lib.sh, then this, and calls
# enter_net where others call enter_root: from there on it runs in a network
# namespace of its own, which is the peer that children talk to through TAPs.
# No packet leaves it, and nothing of it outlives the test.

# What a child needs for a card behind the bus, and for one of QEMU's.
NET_MODULES='hv_vmbus hv_netvsc'
VIRTIO_MODULES='virtio_pci virtio_net'
PEER=10.77.0.1			# the addresses of the namespace's end
PEER6=fd77::1

# net_script NAME <<'EOF': as guest_script, with tests/guest/net.sh before it.
net_script() {
	guest_script "$1" < <(cat tests/guest/net.sh -)
}

# xdp_programs: tests/guest/bpf/verdicts.c as $OUT/xdp.o
xdp_programs() {
	in_root && return
	mkdir -p "$OUT"
	clang -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -Wall -Werror \
		-c tests/guest/bpf/verdicts.c -o "$OUT/xdp.o" || bail_out 'no XDP programs'
}

enter_net() {
	if in_root && [ -z "${ENLIGHT_OWN_NET:-}" ]; then
		modprobe -a tun bridge veth 8021q || bail_out "no tun, bridge, veth or 8021q"
		# As in tests/guest/net.sh.
		echo 4194304 >/proc/sys/net/core/rmem_default
		ENLIGHT_OWN_NET=1 exec unshare --net "$PROJECT/tests/vm/$TEST.t"
	fi
	enter_root
	SERVERS=()
	trap 'net_cleanup; cleanup' EXIT
	ip link set lo up
}

net_cleanup() {
	[ ${#SERVERS[@]} = 0 ] || kill "${SERVERS[@]}" 2>/dev/null
	SERVERS=()
}

# serve NAME COMMAND...: a server that runs until the test ends; its output is
# in $T/NAME.server.
serve() {
	local name=$1
	shift
	"$@" >"$T/$name.server" 2>&1 </dev/null &
	SERVERS+=($!)
}

# tap NAME [OPTION...]: a TAP for vmwp or QEMU, with one queue unless told so.
tap() {
	local name=$1
	shift
	ip tuntap add "$name" mode tap vnet_hdr "$@" || bail_out "no TAP $name"
	# No talk of its own: a test counts what it sends itself.
	echo 0 >"/proc/sys/net/ipv6/conf/$name/router_solicitations"
	ip link set "$name" up
}

# peer DEVICE: the device has the peer's addresses.
peer() {
	ip addr add $PEER/24 dev "$1"
	ip addr add $PEER6/64 dev "$1" nodad
}

# sign_address DEVICE ADDRESS: the child, which waits for it (told_by), may go on.
sign_address() { ip addr add "$2/24" dev "$1"; ok $? "the sign to go on: $2"; }

# bridge NAME PORT...: a bridge that forwards at once.
bridge() {
	local name=$1 port
	shift
	ip link add "$name" type bridge forward_delay 0 mcast_snooping 0
	ip link set "$name" up
	for port; do
		ip link set "$port" master "$name"
	done
}

# dhcp_server DEVICE: gives out .100 to .120 of the peer's network.
dhcp_server() {
	cat >"$T/udhcpd.conf" <<END
interface $1
start ${PEER%.*}.100
end ${PEER%.*}.120
lease_file $T/udhcpd.leases
pidfile $T/udhcpd.pid
option subnet 255.255.255.0
option router $PEER
option lease 3600
END
	: >"$T/udhcpd.leases"
	serve dhcp busybox udhcpd -f "$T/udhcpd.conf"
}

# iperf_server [PORT]
iperf_server() {
	serve "iperf${1:-}" iperf3 --server --forceflush --port "${1:-5201}"
}

# page_server FOLDER: HTTP on port 80.
page_server() {
	serve http busybox httpd -f -p "$PEER:80" -h "$1"
}

# sink NAME PORT: what is sent to the port ends up in $T/NAME.  It has a standard
# input that never ends, as nc would tell the sender so, who then stops.
sink() {
	[ -e "$T/never" ] || mkfifo "$T/never"
	serve "sink-$1" sh -c "exec busybox nc -l -p $2 <>'$T/never' >'$T/$1'"
}

# start_child_virtio RUN KERNEL IMAGE CMDLINE TAP on|off [OPTION...]: QEMU with a
# virtio-net card of two queues, served by vhost (on) or by QEMU itself (off).
start_child_virtio() {
	local run=$1 kernel=$2 image=$3 cmdline=$4 tap=$5 vhost=$6
	shift 6
	[ "$vhost" = off ] || modprobe vhost_net || bail_out "no vhost_net"
	begin_run "$run"
	qemu-system-x86_64 -nodefaults -no-user-config -M q35 -accel kvm -cpu host \
		-smp 2 -m 256M -display none -no-reboot \
		-netdev "tap,id=n0,ifname=$tap,script=no,downscript=no,vhost=$vhost,queues=2" \
		-device virtio-net-pci,netdev=n0,mq=on,vectors=6,mac=52:54:00:00:00:01 \
		-kernel "$(kernel_image "$kernel")" -initrd "$OUT/$image.cpio" \
		-append "$CHILD_CMDLINE $cmdline" \
		-serial "file:$T/$run.console" -serial "file:$T/$run.verdict" \
		"$@" </dev/null >"$T/$run.log" 2>&1 &
	CHILD_PID=$!
}

# card_of RUN JQ-FILTER: a value from the statistics of the run's only card.
card_of() { stat_of "$1" ".nets[0] | $2"; }

# said RUN KEY: the value of the child's line "KEY value".
said() { tr -d '\r' <"$T/$1.verdict" | sed -n "s/^$2 //p"; }

sha() { sha256sum "$@" | cut -d' ' -f1; }
