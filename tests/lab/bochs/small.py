#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: small.py VMLINUX OUT
A kernel's ELF without the room between its segments: an emulated BIOS reads it from a
disc sector by sector. Only what a loader looks at stays: the program headers, and of
each segment its bytes up to the last that is not zero."""
import struct
import sys

PAGE = 4096


def main():
    image = open(sys.argv[1], 'rb').read()
    head = list(struct.unpack_from('<16sHHIQQQIHHHHHH', image))
    phoff, phsize, phnum = head[5], head[9], head[10]
    segments = [list(struct.unpack_from('<IIQQQQQQ', image, phoff + i * phsize)) for i in range(phnum)]
    out = bytearray(PAGE)
    moved = []  # (old offset, size, new offset)
    for s in segments:
        if s[0] != 1:  # PT_LOAD
            continue
        data = image[s[2]:s[2] + s[5]].rstrip(b'\0')
        moved.append((s[2], s[5], len(out)))
        s[2], s[5] = len(out), len(data)
        out += data + bytes(-len(data) % PAGE)
    for s in segments:
        if s[0] == 1:
            continue
        for old, size, new in moved:
            if old <= s[2] < old + size:
                s[2] += new - old
                break
    head[5], head[6] = 64, 0        # program headers behind the head, no sections
    head[11] = head[12] = head[13] = 0
    struct.pack_into('<16sHHIQQQIHHHHHH', out, 0, *head)
    for i, s in enumerate(segments):
        struct.pack_into('<IIQQQQQQ', out, 64 + i * 56, *s)
    open(sys.argv[2], 'wb').write(out)


main()
