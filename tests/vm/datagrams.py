#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: datagrams.py ADDRESS PORT COUNT [echo]

Sends UDP datagrams of all sizes from 16 ports, and prints how many came back
whole, with "echo".  For network tests, in a namespace of theirs.
"""

import os
import socket
import sys


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    echo = len(sys.argv) > 4
    if not os.environ.get("ENLIGHT_OWN_NET"):
        sys.exit("datagrams.py: only in a namespace of a test's own")
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
               for _ in range(16)]
    back = 0
    for i in range(count):
        s = sockets[i % len(sockets)]
        s.settimeout(2)
        data = bytes([i % 251]) * (1 + i * 3)
        try:
            s.sendto(data, (address, port))
            if echo and s.recv(2000) == data:
                back += 1
        except OSError:
            pass
    print(back)


if __name__ == "__main__":
    main()
