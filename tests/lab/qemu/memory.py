#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: memory.py vtd|amdvi NAME [MIB]
Freeze a machine whose guests hold every kind of entry; save its memory as an
image and as a core beside the texts of the debug keys; then compare, leaf by
leaf: the outside walk, key o, and emtctl on the image and on the core, which
is told neither domain nor root."""
import collections
import os
import re
import subprocess
import sys

import lab
import ours
import queues
import tables
from check import all_passed, check, compare, difference, finish


def registers(machine, kind):
    """What the IOMMU's own registers say: read through the machine, not from memory."""
    def read(address):
        out = machine.command('human-monitor-command', **{'command-line': 'xp /2wx %#x' % address})
        low, high = re.findall(r' 0x([0-9a-f]{8})', out)[:2]
        return int(high, 16) << 32 | int(low, 16)
    if kind == 'vtd':
        names, base = {'root': 0x20, 'iqh': 0x80, 'iqt': 0x88, 'iqa': 0x90}, 0xfed90000
    else:
        names, base = {'root': 0, 'cmdbuf': 8, 'head': 0x2000, 'tail': 0x2008}, 0xfed80000
    return {n: read(base + o) for n, o in names.items()}


def save(kind, name, mib):
    """Build the guests, freeze, save everything; returns the folder."""
    folder = os.path.join(lab.LAB, 'out', name)
    with lab.Machine(kind, folder, mem=mib) as m:
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.give(os.path.join(lab.LAB, 'guest'))
        m.give(os.path.join(lab.HERE, '..', 'dom0', 'guest.cfg'))
        m.start(lab.job('pci.sh', 'memory.sh'))
        m.wait('BUILT')
        m.stop_cpus()
        regs = registers(m, kind)
        m.dump(os.path.join(folder, 'core.elf'))
        subprocess.run(['cp', '--sparse=always', m.ram, os.path.join(folder, 'ram.img')], check=True)
    with open(os.path.join(folder, 'registers.txt'), 'w') as f:
        for n, v in regs.items():
            f.write('%s %#x\n' % (n, v))
    return folder, regs


def outside(kind, folder, regs, image):
    """What the memory holds by the outside walk, per domain: NPT leaves, IOMMU leaves;
    and what key o said of the latter."""
    text = lambda n: open(os.path.join(folder, 'share', n), encoding='latin1').read()
    roots = tables.roots_of_key_v(text('keys/v.txt'))
    built = dict(line.split(' ', 1) for line in text('domains.txt').splitlines())
    check('key v shows the root of every guest', sorted(roots) == sorted(map(int, built)), '%d' % len(roots))
    nested = {d: tables.npt(image, root) for d, root in roots.items()}
    for d, leaves in nested.items():
        tables.write(leaves, os.path.join(folder, 'npt-%d.txt' % d))

    key_o = tables.leaves_of_key_o(text('keys/o.txt'))
    find, walk = (tables.vtd_root, tables.vtd) if kind == 'vtd' else (tables.amdvi_root, tables.amdvi)
    iommu, idents = {}, {}
    for d, how in built.items():
        if how.split()[0] not in ('full', 'huge') or how.split()[-1] == '0':
            continue
        sbdf = int(how.split()[-1], 16)
        address, levels, ident = find(image, regs['root'], sbdf)
        iommu[int(d)] = walk(image, address, levels)
        idents[int(d)] = ident
        print('  domain %s: device %#x, %s table at %#x, %d levels, domain field %d' %
              (d, sbdf, kind, address, levels, ident))
    check('key o shows the tables of the guests that have any', sorted(key_o) == sorted(iommu),
          str(sorted(key_o)))
    for d, leaves in iommu.items():
        tables.write(key_o.get(d, []), os.path.join(folder, 'iommu-%d.txt' % d))
        compare('domain %d: %s table from the registers = key o' % (d, kind), key_o.get(d, []), leaves)
    return built, roots, nested, iommu, key_o, idents


def expected(nested, built):
    """What labdom built, counted by hand from its source."""
    # 256 + 600 + 1 + 2 single pages, two large ones split, less 4 ballooned and 7 with types
    full = {(0, 'rwx', 0): 256 + 600 + 1 + 2 + 2 * 512 - 4 - 7, (0, 'r-x', 3): 5, (0, '---', 4): 2,
            (9, 'rwx', 0): 4}
    want = {'pod': {(0, 'rwx', 0): 128, (9, '---', 6): 8},
            'dirty': {(0, 'rwx', 0): 200, (9, 'rwx', 0): 4},
            'huge': {(0, 'rwx', 0): 32, (9, 'rwx', 0): 3, (18, 'rwx', 0): 1}}
    for d, how in built.items():
        words = how.split()
        w = want.get(words[0])
        if words[0] == 'full':
            w = {**full, (0, 'rwx', 5): int(words[2], 16)}
        if w:
            got = collections.Counter((order, perm, kind) for _, order, _, perm, kind in nested[int(d)])
            check('domain %s: entries as built' % d, got == w, '%d of %s' % (sum(w.values()), words[0]))


def damaged(path, root, leaves):
    """One bit of one leaf changed: the comparison must see exactly that leaf."""
    places = []
    tables.npt(tables.Image(path), root, places=places)
    n = next(i for i, l in enumerate(leaves) if l[1] == 0 and l[3] == 'rwx')
    with open(path, 'r+b') as f:
        f.seek(places[n])
        byte = f.read(1)[0]
        f.seek(places[n])
        f.write(bytes([byte ^ 2]))
    return n


def main():
    kind, name = sys.argv[1:3]
    mib = int(sys.argv[3]) if len(sys.argv) > 3 else lab.MIB[kind]
    lab.need_base()
    folder, regs = save(kind, name, mib)
    core = tables.Image(os.path.join(folder, 'core.elf'))
    built, roots, nested, iommu, key_o, idents = outside(kind, folder, regs, core)
    expected(nested, built)
    image = tables.Image(os.path.join(folder, 'ram.img'))
    low = core.parts[0][1]  # above it an image has no hole, and addresses move
    same = all(image.page(a) == core.page(a) for a in range(0, low, 4096 * 61))
    check('image and core hold the same pages', same, 'one page in 61')

    if not ours.reads_images():
        check('emtctl reads memory images', False, 'this build has no memory source')
        return finish()
    for f in ('ram.img', 'core.elf'):
        source = 'mem:' + os.path.join(folder, f)
        ours.compare_nested(source, nested)
        ours.compare_iommu(source, kind, iommu, key_o)
    one = min(iommu)
    queues.compare_queues(os.path.join(folder, 'core.elf'), core, kind, regs, idents[one], 0x60)
    ours.audit_refused(source)
    if mib <= 2048:  # offsets are addresses
        path = os.path.join(folder, 'damaged.img')
        subprocess.run(['cp', '--sparse=always', os.path.join(folder, 'ram.img'), path], check=True)
        one = min(nested)
        n = damaged(path, roots[one], nested[one])
        got = ours.show('mem:' + path)
        missing, extra = difference(ours.named(nested[one]), got[one] if got else [])
        check('one bit changed is one leaf that differs', [l[0] for l in missing] == [l[0] for l in extra] ==
              [nested[one][n][0]], str(extra))
        os.unlink(path)
    if all_passed() and not os.environ.get('LAB_KEEP'):
        for f in ('ram.img', 'core.elf'):
            os.unlink(os.path.join(folder, f))
    return finish()


if __name__ == '__main__':
    lab.run(main)
