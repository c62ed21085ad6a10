#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends UDP packets of 64 bytes for some seconds: udp-flood.py ADDRESS SECONDS

One system call hands the kernel 60 datagrams at once (UDP segmentation), so
that little of the machine goes into sending.
"""

import socket
import sys
import time

UDP_SEGMENT = 103
PAYLOAD = 64 - 14 - 20 - 8 - 4      # Ethernet, IPv4, UDP, and the FCS


def main():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, PAYLOAD)
    s.connect((sys.argv[1], 9))
    data = bytes(PAYLOAD * 60)
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        try:
            s.send(data)
        except ConnectionRefusedError:
            pass                # nobody listens there, and the child says so


main()
