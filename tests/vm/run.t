#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make run`: without a terminal it says by its status whether all worked; on a
# terminal it leaves its user at the child's shell, until poweroff or Ctrl-A x.
# It runs here as on a machine whose KVM will do: --where says "direct".
# root-kernel: 6.1
# timeout: 1300
. "$(dirname "$0")/lib.sh"
enter_root

is "$(ENLIGHT_ROOT= scripts/with-root-partition --where)" direct 'this KVM will do'
export ENLIGHT_ROOT=
scripts/with-root-partition sh -c 'cat; exit 7' <<<'in and out' >"$T/out"
is $? 7 'the exit status passes through'
is "$(cat "$T/out")" 'in and out' 'input and output too'
scripts/with-root-partition --timeout 1 sleep 60 2>"$T/err"
is $? 124 'out of time'
like "$T/err" 'time is up' 'and told'
scripts/with-root-partition sh -c "trap 'exit 9' TERM; : >$T/ready; while :; do sleep 0.1; done" &
until [ -e "$T/ready" ]; do sleep 0.1; done
kill $!
wait $!
is $? 9 'a signal passes through'

scripts/with-root-partition no-such-command 2>"$T/err"
is $? 127 'no such command'
like "$T/err" 'cannot run no-such-command: ' 'and told'

mkdir -p "$OUT"
scripts/run-child 6.1 </dev/null >"$OUT/plain" 2>&1
is $? 0 'without a terminal' || tail -n 20 "$OUT/plain" | sed 's/^/# /'
like "$OUT/plain" 'All of it worked' 'all of it worked'
like "$OUT/plain" '^[0-9a-f-]{36} +hv_storvsc' 'the table says what is bound to what'

scripts/run-child 6.1 --fault 'scsi0:0:op=write,err=EIO,after=64' </dev/null >"$OUT/fault" 2>&1
is $? 1 'a disk that fails makes it fail' || tail -n 20 "$OUT/fault" | sed 's/^/# /'
like "$OUT/fault" '^FAILED: ' 'the child says what failed'
unlike "$OUT/fault" 'All of it worked' 'nothing else is claimed'

# terminal NAME TEXT: scripts/run-child on a terminal; TEXT is typed at the prompt.
terminal() {
	timeout 400 python3 - "$2" >"$OUT/$1" <<'EOF'
import os, pty, re, sys
pid, fd = pty.fork()
if not pid:
    os.execv("scripts/run-child", ["scripts/run-child", "6.1"])
# busybox asks the terminal where its cursor is.
PROMPT = rb"# (\x1b\[6n)?$"
seen = b""
def until(what):
    global seen
    while not (found := re.search(what, seen)):
        got = os.read(fd, 4096)
        os.write(1, got)
        seen += got
    seen = seen[found.end():]
try:
    until(rb"== The shell of the child partition")
    until(PROMPT)
    os.write(fd, b"tty; echo $((6 * 7))$((0 + 1))\n")
    until(rb"/dev/ttyS0\r+\n421")
    until(PROMPT)
    os.write(fd, sys.argv[1].encode())
    until(rb"nothing more will match this")
except OSError:
    pass            # the other end is closed
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
EOF
}
terminal poweroff $'poweroff\n'
is $? 0 'poweroff at the shell' || tail -n 20 "$OUT/poweroff" | sed 's/^/# /'
like "$OUT/poweroff" '421' 'which was there'
terminal ctrl-a-x $'\x01x'
is $? 0 'Ctrl-A x' || tail -n 20 "$OUT/ctrl-a-x" | sed 's/^/# /'
like "$OUT/ctrl-a-x" '421' 'the shell was there'
finish
