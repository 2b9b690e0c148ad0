# SPDX-License-Identifier: GPL-2.0-or-later
"""IOMMU command queues: decoded here by the specifications, found by the device's
registers; and by emt, which finds them by what they hold (queues.c)."""
import os
import shlex
import subprocess

import lab
from check import check, compare


def build():
    """Path of queues.c, linked with the library under test."""
    out = os.path.join(lab.LAB, 'queues')
    config = ['pkg-config', '--libs', 'libelf']
    libs = subprocess.run(config, stdout=subprocess.PIPE, check=True).stdout.decode().split()
    subprocess.run([*shlex.split(os.environ.get('CC', 'cc')), '-std=gnu11', '-D_GNU_SOURCE', '-g', '-Wall',
                    '-Wextra', '-Werror', '-I' + os.path.join(lab.TOP, 'lib'), '-o', out,
                    os.path.join(lab.HERE, 'queues.c'), os.path.join(lab.BUILD, 'libemt.a'),
                    *libs], check=True)
    return out


def vtd(low, high):
    """(what, did, dfn, frames) of a 128-bit descriptor."""
    kind, grain = low & 0xf, low >> 4 & 3
    if kind == 1:
        return 'context', low >> 16 & 0xffff if grain >= 2 else -1, 0, 0
    if kind == 2 and grain == 3:
        frames = 1 << (high & 0x3f)
        return 'iotlb', low >> 16 & 0xffff, high >> 12 & ~(frames - 1), frames
    if kind == 2:
        return 'iotlb', low >> 16 & 0xffff if grain == 2 else -1, 0, 0
    return {3: 'device-iotlb', 4: 'interrupts', 5: 'wait'}.get(kind, 'unknown'), -1, 0, 0


def amdvi(low, high):
    """(what, did, dfn, frames) of a command."""
    kind = low >> 60
    if kind == 3:
        did, frames = low >> 32 & 0xffff, 1
        if high & 1:
            if high >> 12 & 0x7ffffffffffff == 0x7ffffffffffff:
                return 'iotlb', did, 0, 0  # all that the domain has
            while high >> 12 & frames:
                frames <<= 1
            frames <<= 1
        return 'iotlb', did, high >> 12 & ~(frames - 1), frames
    names = {1: 'wait', 2: 'context', 4: 'device-iotlb', 5: 'interrupts', 8: 'all'}
    return names.get(kind, 'unknown'), -1, 0, 0


def decode(image, kind, regs):
    """[(slot, what, did, dfn, frames)] of the queue that the registers name, and its pages."""
    if kind == 'vtd':
        base, size = regs['iqa'] & ~0xfff, 4096 << (regs['iqa'] & 7)
    else:
        base, size = regs['cmdbuf'] & 0x000ffffffffff000, 16 << (regs['cmdbuf'] >> 56 & 0xf)
    one = vtd if kind == 'vtd' else amdvi
    commands = []
    for page in range(0, max(size, 4096), 4096):
        words = image.page(base + page)
        commands += [(page // 16 + i,) + one(words[2 * i], words[2 * i + 1]) for i in range(256)
                     if words[2 * i] or words[2 * i + 1]]
    return commands, [(base + p) >> 12 for p in range(0, max(size, 4096), 4096)]


def compare_queues(path, image, kind, regs, did, dfn):
    """The queue's page, every command, and the flush of a frame that was taken away."""
    want, pages = decode(image, kind, regs)
    program = [build(), path, '%x' % did, '%x' % dfn]
    out = subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout.decode()
    found, got, flushed = [], [], []
    for line in out.splitlines():
        words = line.split()
        if words[0] == 'page':
            found.append((int(words[1], 16), words[2]))
        elif words[0] == 'flushes':
            flushed.append(words[1])
        else:
            got.append((int(words[0]), words[1], int(words[3]), int(words[5], 16), int(words[6], 16)))
    check('%s queue found by its content = registers' % kind, found == [(p, kind) for p in pages], str(found))
    compare('%s commands = outside decoding' % kind, want, [g if g[1] in ('context', 'iotlb') else
                                                            (g[0], g[1], -1, 0, 0) for g in got])
    check('the flush of frame %#x of domain %d is there' % (dfn, did), flushed == ['yes'])
    exact = [w for w in want if w[1] == 'iotlb' and w[2] == did and w[3] <= dfn < w[3] + w[4]]
    check('by a command for just that frame', exact, str(exact[:1]))
