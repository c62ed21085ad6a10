#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends UDP packets of 64 bytes for some seconds: udp-flood.py ADDRESS SECONDS

One system call hands the kernel 20 datagrams at once (UDP segmentation), so
that little of the machine goes into sending; not more, for a receiver that is to
have the processor waits until a call is over.  Each processor has a sender, all
of one flow, so that none idles while the receiver waits for more to come.
"""

import os
import socket
import sys
import time

UDP_SEGMENT = 103
PAYLOAD = 64 - 14 - 20 - 8 - 4      # Ethernet, IPv4, UDP, and the FCS


def flood(address, port, end):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, PAYLOAD)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("", port))
    s.connect((address, 9))
    data = bytes(PAYLOAD * 20)
    while time.monotonic() < end:
        try:
            s.send(data)
        except ConnectionRefusedError:
            pass                # nobody listens there, and the child says so


def main():
    port = 20000 + os.getpid() % 20000
    end = time.monotonic() + float(sys.argv[2])
    others = []
    for _ in range(1, os.cpu_count()):
        pid = os.fork()
        if not pid:
            flood(sys.argv[1], port, end)
            os._exit(0)
        others.append(pid)
    flood(sys.argv[1], port, end)
    for pid in others:
        os.waitpid(pid, 0)


main()
