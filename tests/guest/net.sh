# SPDX-License-Identifier: GPL-2.0
# What a child's network script may use, after tap.sh.  The peer in the root
# partition has a fixed address.
PEER=10.77.0.1 PEER6=fd77::1
ME=10.77.0.2 ME6=fd77::2

# A receiver of datagrams that a busy machine lets sleep loses none for want of room:
# those that are lost were lost on the way.
echo 4194304 >/proc/sys/net/core/rmem_default

# word NAME: its value on the kernel's command line.

# load MODULE...
load() {
	for m; do modprobe "$m" || ok 1 "$m loads"; done
}

# The Nth network card (from 0), by name, once it is there.
card() {
	wait_for 30 nth_card "${1:-0}" || return 1
	nth_card "${1:-0}"
}
nth_card() {
	set -- $1 /sys/class/net/*/device
	shift $(($1 + 1))
	[ -e "${1:-}" ] || return 1
	basename "${1%/device}"
}

# card_up CARD [ADDRESS]: with fixed addresses; waits for the link.
card_up() {
	ip link set "$1" up
	ip addr add "${2:-$ME}/24" dev "$1"
	[ -n "${2:-}" ] || ip6_up "$1"
	carrier "$1"
}
# Its IPv6 address, which it loses when it goes down; at once, not after DAD.
ip6_up() {
	echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip addr show "$1" | grep -q $ME6 || ip addr add $ME6/64 dev "$1"
}
carrier() { wait_for "${2:-10}" grep -q 1 "/sys/class/net/$1/carrier"; }

# told_by ADDRESS: waits for the address that the root side gives its end (sign_address)
# once it has seen what it wanted to see.
told_by() { wait_for 100 ping -c1 -W1 "$1"; }

# dhcp CARD: an address by DHCP; prints it.
dhcp() {
	cat >/tmp/udhcpc.sh <<'END'
#!/bin/sh
case $1 in
bound|renew)
	ip addr add "$ip/$mask" dev "$interface"
	[ -z "${router:-}" ] || ip route add default via "$router"
	echo "$ip" >/tmp/address ;;
esac
END
	chmod +x /tmp/udhcpc.sh
	rm -f /tmp/address
	ip link set "$1" up
	udhcpc -i "$1" -n -q -f -t 10 -T 1 -s /tmp/udhcpc.sh >/tmp/udhcpc.out 2>&1
	cat /tmp/address 2>/dev/null
}

# pings COUNT ADDRESS [OPTION...]: how many answers came.
pings() {
	count=$1 to=$2
	shift 2
	ping -q -c "$count" -i 0.05 -W 2 "$@" "$to" 2>&1 |
		sed -n 's/.*, \([0-9]*\) packets received.*/\1/p'
}

# json SECTION FIELD: a number from iperf3's JSON on standard input.
json() {
	awk -v s="\"$1\":" -v f="\"$2\":" '
		index($0, s) { inside = 1 }
		inside && index($0, f) { gsub(/[,\t ]/, ""); sub(/.*:/, ""); print; exit }'
}

# iperf OPTION...: /tmp/iperf.json.  Between two tests its server does not listen,
# or is at the last one's end, for a moment.
iperf() {
	for try in 1 2 3 4 5; do
		iperf3 -c "$PEER" -J "$@" >/tmp/iperf.json 2>&1
		grep -q 'Connection refused\|server is busy' /tmp/iperf.json || return
		sleep 0.5
	done
}

# tcp OPTION...: Mbit/s that arrived.  The child sends; with -R the peer does.
tcp() {
	iperf "$@"
	bits=$(json sum_received bits_per_second </tmp/iperf.json)
	[ -n "$bits" ] || { tail -n 3 /tmp/iperf.json | sed 's/^/#   /' >&2; return 1; }
	awk -v b="$bits" 'BEGIN { printf "%.0f\n", b / 1e6 }'
}

# udp OPTION...: datagrams sent, and how many of them were lost.
udp() {
	iperf -u "$@"
	sed -n '/"sum":/,$p' /tmp/iperf.json >/tmp/iperf.sum
	n=$(json sum packets </tmp/iperf.sum)
	[ -n "$n" ] || { tail -n 3 /tmp/iperf.json | sed 's/^/#   /' >&2; return 1; }
	echo "$n $(json sum lost_packets </tmp/iperf.sum)"
}

# arrived "SENT LOST": enough for a test, of which nearly all arrived.  On a busy
# machine the receiver may sleep too long all the same.
arrived() {
	[ "${1% *}" -ge 50 ] && [ $((10 * ${1#* })) -le "${1% *}" ]
}

# send ADDRESS PORT <FILE, receive PORT: all of it, over TCP.  An end that reads
# no more standard input would tell the other so, who then stops: hence the FIFO.
send() { nc "$1" "$2"; }
receive() {
	[ -e /tmp/never ] || mkfifo /tmp/never
	nc -l -p "$1" <>/tmp/never
}

# counter CARD NAME: one of ethtool's statistics.
counter() { ethtool -S "$1" | sed -n "s/^ *$2: *//p"; }

# The kernel log's lines about cards which tell of something wrong.  With the
# in-tree driver TCP finds coalesced frames (RSC) suspect, once.
net_errors() {
	known='loading out-of-tree\|module verification'
	grep -q O /sys/module/hv_netvsc/taint 2>/dev/null ||
		known="$known\|suspect GRO implementation"
	dmesg -r | sed -n 's/^<[0-4]>//p' | grep -E 'netvsc|eth[0-9]|vmbus' |
		grep -v "$known"
}

sha() { sha256sum "$@" | cut -d' ' -f1; }

# again COMMAND...: until /tmp/stop is there, taken up whenever there is a network.
again() { while [ ! -e /tmp/stop ]; do "$@" >/dev/null 2>&1 || sleep 0.1; done; }
