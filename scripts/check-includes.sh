#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Enforces who may include whom: CONTRIBUTING.md has the table in words.
#
#   scripts/check-includes.sh [FILE...]
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- $(git ls-files -co --exclude-standard 'kernel/*.[ch]' \
	'include/*.h' 'host/*.[ch]' 'daemons/*.[ch]' 'tests/*.[ch]')

exec awk '
# A room is the folder that the table speaks of.
function room_of(path,   p, n) {
	n = split(path, p, "/")
	if (p[1] == "include" || p[1] == "host" || p[1] == "kernel" ||
	    p[1] == "daemons" || p[1] == "tests")
		return p[1] "/" p[2]
	return p[1]
}

function allow(room, list,   a, n, i) {
	n = split(list, a, " ")
	for (i = 1; i <= n; i++)
		allowed[room, a[i]] = 1
	known[room] = 1
}

function complain(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
	bad = 1
}

BEGIN {
	allow("include/hv", "")
	allow("include/uapi", "")
	allow("host/util", "")
	allow("host/mem", "util")
	allow("host/backend", "util")
	allow("host/vmbus", "mem util hv_reg")
	allow("host/vsp", "vmbus backend mem util hv_reg")
	allow("host/vm", "mem util hv_reg")
	allow("host/hv", "vm mem util hv_reg")
	allow("host/chipset", "vm mem util hv_reg")
	allow("host/vmwp", "util mem vm hv chipset vmbus vsp backend hv_reg")
	allow("host/hvctl", "util")
	allow("host/vmms", "util")
}

FNR == 1 {
	room = room_of(FILENAME)
	own = FILENAME
	sub(/\/[^\/]*$/, "", own)
}

!/^[ \t]*#[ \t]*include/ {
	if (FILENAME ~ /^kernel\// && room != "kernel/compat" &&
	    /^[ \t]*#.*(LINUX_VERSION_CODE|KERNEL_VERSION)/)
		complain("version tests live in kernel/compat only")
	if (FILENAME ~ /^kernel\// && FILENAME != "kernel/vmbus/param.h" &&
	    /^[ \t]*module_param/)
		complain("a parameter out of range must not refuse the module: vmb_param()")
	next
}

# <system.h>
/<[^>]*>/ {
	if (FILENAME ~ /^(include)\// && !/<linux\/types\.h>/)
		complain("shared headers need only <linux/types.h>")
	if (room ~ /^host\// && room != "host/vm" && room != "host/hv" &&
	    /<linux\/kvm\.h>/)
		complain("KVM is the business of host/vm and host/hv")
	if (FILENAME ~ /^kernel\// && /<linux\/version\.h>/ && room != "kernel/compat")
		complain("version tests live in kernel/compat only")
	next
}

{
	name = $0
	sub(/^[^"]*"/, "", name)
	sub(/".*/, "", name)
	n = split(name, part, "/")
}

name ~ /\.\./ && room !~ /^tests\// { complain("no paths upwards") ; next }

# "own.h"
n == 1 { next }

# "hv/x_reg.h", "uapi/x.h": the wire; but host/hv is a room as well.
part[1] == "hv" && part[n] ~ /_reg\.h$/ {
	if (room ~ /^host\// && !((room, "hv_reg") in allowed))
		complain(room " does not speak of the wire")
	if (room ~ /^daemons\// || room == "include/uapi")
		complain(room " does not speak of the wire")
	next
}
part[1] == "uapi" {
	if (room !~ /^(kernel|daemons|tests)\//)
		complain(room " has no business with the daemons")
	next
}

room ~ /^tests\// {
	if (part[1] ~ /^(kernel|daemons)$/ && room !~ /unit|fuzz/)
		complain("only unit tests look into rooms")
	next
}

room ~ /^host\// {
	if ("host/" part[1] == room)
		next
	if (part[n] ~ /_var\.h$/)
		complain("_var.h is private to its room")
	else if (!((room, part[1]) in allowed))
		complain(room " may not include " part[1])
	next
}

room ~ /^daemons\// {
	if (part[1] != "common")
		complain("daemons share daemons/common only")
	next
}

# What the bus offers beyond <linux/hyperv.h>.
room ~ /^kernel\// && part[1] == "vmbus" {
	if (part[n] ~ /_var\.h$/)
		complain("_var.h is private to its room")
	else if (part[n] ~ /^abi_|_iface\.h$/)
		complain("how the in-tree bus looks is a matter of the bus")
	next
}

room ~ /^kernel\// || room ~ /^include\// {
	complain(room " may not include another room")
}

END { exit bad }
' "$@"
