# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The network test that every combination of drivers, host and NVSP version
# must pass; a test sources lib.sh and lib-net.sh, then this.

# The child's side.  Kernel command line: load=MODULE,... sum=SHA256 of the page.
common_net_script() {
	net_script "$1" <<'EOS'
load $(word load | tr , ' ')
note "$(dmesg | sed -n 's/.*\(Vmbus version:.*\)/\1/p')"
c=$(card); ok $? 'the card is there'
note "$(ethtool -i "$c" | tr '\n' ' ')"

address=$(dhcp "$c")
case $address in
10.77.0.1[0-2][0-9]) ok 0 "an address by DHCP: $address" ;;
*)	ok 1 'an address by DHCP'
	sed 's/^/# /' /tmp/udhcpc.out
	ip addr add $ME/24 dev "$c" ;;
esac
carrier "$c"; ok $? 'the link is up'
ip6_up "$c"
is "$(pings 20 $PEER)" 20 'pings answered'
is "$(pings 5 $PEER -s 1472)" 5 'pings of a whole frame answered'
is "$(pings 5 $PEER -s 20000)" 5 'pings in fragments answered'
is "$(pings 5 $PEER6)" 5 'pings over IPv6 answered'

wget -q -O /tmp/page "http://$PEER/page"
is "$(sha /tmp/page)" "$(word sum)" 'a page fetched is whole'
send $PEER 9000 </tmp/page; ok $? 'data for the root side sent'
send $PEER6 9001 </tmp/page; ok $? 'the same over IPv6'

for way in out in; do
	[ $way = in ] && r=-R || r=
	n=$(tcp -t "$(amount 1 3)" $r); ok $? "TCP, $way: $n Mbit/s"
	n=$(PEER=$PEER6 tcp -t "$(amount 1 2)" $r); ok $? "TCP over IPv6, $way: $n Mbit/s"
	n=$(tcp -t "$(amount 1 2)" -P 4 $r); ok $? "TCP, $way, four streams: $n Mbit/s"
	n=$(udp -t "$(amount 1 2)" -b 2M -l 1200 $r); ok $? "UDP, $way: datagrams, lost: $n"
	arrived "$n"; ok $? "UDP, $way: nearly all arrived"
done

ip link set "$c" down
ip link set "$c" up
carrier "$c"; ok $? 'the link is up again'
is "$(pings 5 $PEER)" 5 'pings answered again'
errors=$(ethtool -S "$c" | grep -E '(error|drop|bad|malformed|invalid|no_memory|timeout)[a-z_]*: [1-9]')
note "$(ethtool -S "$c" | grep -v ': 0$' | tr -s ' \n' ' ')"
is "$errors" '' 'ethtool counts no error'
is "$(cat "/sys/class/net/$c/statistics/rx_errors" "/sys/class/net/$c/statistics/tx_errors" | tr '\n' ' ')" \
	'0 0 ' 'nor does the kernel'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
}

# Servers for it on a device of the namespace, which has the peer's addresses.
common_net_servers() {
	mkdir -p "$T/www"
	head -c 8M /dev/urandom >"$T/www/page"
	NET_SUM=$(sha "$T/www/page")
	dhcp_server "$1"
	page_server "$T/www"
	iperf_server
}

# Before each run, and after it.
common_net_sinks() {
	rm -f "$T/back" "$T/back6"
	sink back 9000
	sink back6 9001
}

common_net_verify() { # RUN
	is "$(sha "$T/back")" "$NET_SUM" "$1: what the child sent is whole"
	is "$(sha "$T/back6")" "$NET_SUM" "$1: and over IPv6"
}

# common_net_run RUN KERNEL IMAGE VMWP-OPTION...: all of it; the TAP is tap0.
common_net_run() {
	local run=$1 kernel=$2 image=$3
	shift 3
	common_net_sinks
	CHILD_LIMIT=${CHILD_LIMIT:-200} run_child "$run" "$kernel" "$image" \
		"load=hv_vmbus,hv_netvsc sum=$NET_SUM" --memory 256M "$@"
	child_passed "$run"
	common_net_verify "$run"
}
