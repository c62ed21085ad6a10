#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Wrong options and a set-up that cannot work: one line that says what is wrong
# and how to mend it, exit status 1, and nothing left behind.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
enter_root
modprobe tun

image=$PWD/$(kernel_image 6.1)
vmwp=$PWD/build/host/vmwp
mkdir "$T/here" "$T/here/folder"
cd "$T/here" || exit 125
truncate -s 4M disk
truncate -s 100 odd
truncate -s 90M large
echo 'echo no kernel' >script
head -c 100000 "$image" >cut
: >taken
ln -s disk theirs
chown -h 65534 theirs
# What is to take another's place has a hidden name until then.
shopt -s dotglob
files=$(echo *)
sums=$(cksum disk odd large script taken)

# refused_by REGEX COMMAND...: the command is vmwp, somehow
refused_by() {
	local want=$1 name status err out wrong=
	shift
	name=${*##*/}
	timeout -s KILL 60 "$@" </dev/null >"$T/out" 2>"$T/err"
	status=$?
	mapfile -t err <"$T/err"
	mapfile -t out <"$T/out"
	[ $status = 1 ] || wrong+=" status $status;"
	[ ${#err[@]} = 1 ] || wrong+=" ${#err[@]} lines;"
	[[ ${err[0]-} =~ ^vmwp:\ .*($want) ]] || wrong+=" not like '$want';"
	[ ${#out[@]} = 0 ] || wrong+=' standard output;'
	[ "$(echo *)" = "$files" ] || { wrong+=" left $(echo *);"; rm -f control com2 stats* .[0-9a-f]*; }
	is "$wrong" '' "$name" || sed 's/^/# /' "$T/err"
}
refused() {
	local want=$1
	shift
	refused_by "$want" "$vmwp" "$@"
}
# The rest is right, and would leave something.
wrong() {
	local want=$1
	shift
	refused "$want" --kernel "$image" --serial none --serial unix=com2 \
		--control control --stats stats "$@"
}

refused '--kernel FILE'
refused 'did you mean --kernel' --kernle "$image"
wrong 'did you mean --memory' --memroy 1G
wrong 'did you mean --net' --nett user
wrong 'unknown network' --net bridge=br0
wrong 'needs an interface' --net tap
wrong 'lo is no TAP interface' --net tap=lo --capture frames
wrong 'nobody listens' --net socket=nowhere
wrong 'cannot write /nowhere' --net null --capture /nowhere/frames
wrong "did you mean 'loss'" --net null --fault net:op=los
wrong 'unknown option --display' --display vnc
wrong 'no option' stray
wrong 'needs a value' --scsi
wrong 'too little.*64M' --memory 32M
wrong 'no size' --memory lots
wrong 'no size' --memory -1
wrong 'multiple of 1M' --memory 65537K
wrong 'too much.*1T' --memory 100000G
wrong "can't have 512000 MiB" --memory 500G
wrong '1 to 64' --processors 0
wrong '1 to 64' --processors 65
wrong 'COM1 and COM2' --serial none
wrong 'given? a number|1 to 64' --processors 2x
wrong '2047' --cmdline "$(head -c 5000 /dev/zero | tr '\0' a)"
wrong '5\.3' --vmbus-version 9.9
wrong '5\.3' --vmbus-version 4.2
refused 'stdio, none' --kernel "$image" --serial foo
wrong 'takes no value' --no-reboot=1
wrong 'file name' --initrd ''
wrong 'begin with the disk' --fault op=read,err=EIO
wrong 'letters, digits' --name 'a b'
wrong 'error, warning, info' --log-level much

refused 'No such file' --serial none --kernel absent
refused 'folder' --serial none --kernel folder
refused 'bzImage' --serial none --kernel script
refused 'bzImage|cut short|truncated' --serial none --kernel cut
refused 'bzImage' --serial none --kernel taken
refused 'no vmlinux' --serial none --kernel /bin/true
wrong 'No such file' --initrd absent
wrong 'memory' --memory 64M --initrd large

wrong 'No such file' --scsi file=absent
wrong 'folder' --scsi file=folder
wrong 'odd' --scsi file=odd
wrong 'format=raw' --scsi file=disk,format=vdi
wrong 'did you mean' --scsi file=disk,readnoly=on
wrong 'size=SIZE' --scsi format=null
wrong 'has no file' --scsi format=null,size=4096,file=disk
wrong 'twice' --scsi file=disk,lun=1,lun=2
wrong 'multiple of 4096' --scsi format=null,size=4097
wrong 'truncate' --scsi file=disk,size=1M
wrong 'KEY=VALUE' --scsi ''
wrong 'path' --scsi file=
wrong 'empty|0 bytes|no data' --scsi file=taken
wrong 'no (disk|file|block)|neither|device' --scsi file=/dev/null
wrong '0 to 3' --scsi file=disk,controller=4
wrong 'readonly=on' --scsi file=disk,readonly=perhaps
wrong 'lun=3' --scsi file=disk,lun=3 --scsi file=odd,lun=3
wrong 'disk' --scsi file=disk --scsi file=disk
wrong 'full|no room|64|0 to 63' --scsi file=disk,lun=64
wrong 'op=|fault' --scsi file=disk --fault scsi0:0:op=dance,err=EIO
wrong 'dance' --fault bus:do=dance
wrong 'after' --fault scsi0:do=type,after=x
wrong 'EWHAT' --scsi file=disk --fault scsi0:0:op=read,err=EWHAT

refused 'absent/com' --kernel "$image" --serial unix=absent/com
refused 'absent/com' --kernel "$image" --serial file=absent/com
refused 'absent/control' --kernel "$image" --serial none --control absent/control
refused 'no socket' --kernel "$image" --serial none --control taken
refused 'absent/stats' --kernel "$image" --serial none --stats absent/stats
refused 'folder' --kernel "$image" --serial none --stats folder
refused "somebody else's" --kernel "$image" --serial none --stats theirs
refused "somebody else's" --kernel "$image" --serial file=theirs
wrong "somebody else's" --net null --capture theirs

# A KVM that is absent, or is none.
without_kvm() {
	unshare -m sh -c 'mount --bind "$0" /dev/kvm && exec "$@"' "$@"
}
export -f without_kvm
: >"$T/empty"
refused_by '/dev/kvm' bash -c 'without_kvm "$@"' vmwp "$T/empty" "$vmwp" --kernel "$image" --serial none
refused_by '/dev/kvm|KVM' bash -c 'without_kvm "$@"' vmwp /dev/null "$vmwp" --kernel "$image" --serial none

is "$(cksum disk odd large script taken)" "$sums" 'no file was changed'
"$vmwp" --help >"$T/out" 2>"$T/err"
is $? 0 'help: exit status'
like "$T/out" '--kernel FILE' 'help: tells the options'
is "$(wc -c <"$T/err")" 0 'help: nothing on standard error'
is "$("$vmwp" --version | wc -l)" 1 'version: one line'
cd "$PROJECT" || exit 125
finish
