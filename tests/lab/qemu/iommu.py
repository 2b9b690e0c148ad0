#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: iommu.py vtd NAME
A device that really does DMA, behind tables edited from outside: what `iommu audit`
and `iommu show` say of the machine's memory must agree with where the data lands. One
translation is cached before its entry is cleared, so that no table shows it: only the
flush that nobody asked for would have stopped it."""
import json
import mmap
import os
import subprocess
import sys

import lab
import ours
import tables
from check import all_passed, check, finish

PATTERN = bytes(range(0xa0, 0xe0))  # 64 bytes


class Ram:
    """The machine's RAM, by machine address: one part below 3 GiB."""

    def __init__(self, path):
        self.file = open(path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 0)

    def read(self, mfn):
        return self.map[mfn << 12:(mfn << 12) + len(PATTERN)]

    def write(self, mfn, data):
        self.map[mfn << 12:(mfn << 12) + len(data)] = data

    def entry(self, address, value=None):
        if value is not None:
            self.map[address:address + 8] = value.to_bytes(8, 'little')
        return int.from_bytes(self.map[address:address + 8], 'little')


def slots(image, root, levels):
    """{dfn: machine address of its 4 KiB leaf} of a VT-d table."""
    found = {}

    def table(address, level, dfn):
        for i, e in enumerate(image.page(address)):
            at = dfn | i << 9 * (level - 1)
            if not e & 3:
                continue
            if level > 1 and not e & 0x80:
                table(e & tables.ADDRESS, level - 1, at)
            elif level == 1:
                found[at] = address + i * 8
    table(root, levels, 0)
    return found


def emtctl(*words):
    """Exit status and data of a reply in JSON."""
    r = subprocess.run([ours.EMTCTL, *words, '--json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120, check=False)
    return r.returncode, json.loads(r.stdout.decode()).get('data') or {}


def reach(core, domain):
    """{dfn: (mfn, perm)} by iommu show."""
    _, data = emtctl('iommu', 'show', 'mem:' + core, '--domain', str(domain))
    return {r['dfn'] + i: (r['mfn'] + i, r['permissions'])
            for r in data.get('runs', []) for i in range(r['frames'])}


def findings(core):
    """Status, and {dfn: finding} of domain 1's iommu audit."""
    status, data = emtctl('iommu', 'audit', 'mem:' + core)
    out = {}
    for f in data.get('findings', []):
        for r in f['ranges']:
            out.update({(f['domain'], d): f for d in range(r['first_gfn'], r['last_gfn'] + 1)})
    return status, data, out


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    folder = os.path.join(lab.LAB, 'out', name)
    core, first = os.path.join(folder, 'core.elf'), os.path.join(folder, 'first.elf')
    # edu's registers are no part of a saved state
    with lab.Machine(kind, folder, mem=lab.MIB[kind], keep_state=False) as m:
        for program in ('labdom', 'edudma'):
            m.give(os.path.join(lab.LAB, 'bin', program))
        m.start(lab.job('pci.sh', 'iommu.sh'))
        m.wait('BUILT')
        m.stop_cpus()
        m.dump(first)
        ram = Ram(m.ram)
        one, two = [int(line.split()[0]) for line in m.got('domains.txt').splitlines()]
        sbdf = int(m.got('domains.txt').splitlines()[0].split()[-1], 16)
        out = m.command('human-monitor-command', **{'command-line': 'xp /2wx 0xfed90020'})
        words = [int(w, 16) for w in out.split(':')[1].split()[:2]]
        root, levels, _ = tables.vtd_root(tables.Image(first), words[1] << 32 | words[0], sbdf)
        slot = slots(tables.Image(first), root, levels)
        roots = tables.roots_of_key_v(m.got('keys/v.txt'))
        places = []
        nested = tables.npt(tables.Image(first), roots[one], places=places)
        other = [l for l in tables.npt(tables.Image(first), roots[two]) if l[1] == 0 and l[3] == 'rwx' and l[4] == 0]

        status, data, bad = findings(first)
        check('a machine as Xen left it: all agrees', status == 0 and not bad and data['domains'],
              '%d domains, status %d %s' % (len(data.get('domains', [])), status, str(bad)[:200]))
        # DMA of this device reaches 28 bits
        pages = [(l, at) for l, at in zip(nested, places)
                 if l[1] == 0 and l[3] == 'rwx' and l[4] == 0 and l[0] in slot and l[0] < 1 << 16]
        names = ('same', 'stolen', 'cleared', 'readonly', 'cached', 'unmapped', 'pattern')
        page = dict(zip(names, pages[20:27]))
        dfn = {n: p[0][0] for n, p in page.items()}
        frame = {n: p[0][2] for n, p in page.items()}
        victim = other[5][2]
        ram.write(frame['pattern'], PATTERN)
        address = lambda *ns: ' '.join('%#x' % (dfn[n] << 12) for n in ns) + '\n'
        give = lambda file, text: open(os.path.join(m.share, file), 'w').write(text)
        give('pattern.txt', address('pattern'))
        give('prime.txt', address('cached'))
        give('targets.txt', address('same', 'stolen', 'cleared', 'readonly', 'cached', 'unmapped'))
        m.command('cont')
        m.say('go')
        m.wait('PRIMED')
        m.stop_cpus()
        check('DMA by an entry that is as it was lands', ram.read(frame['cached']) == PATTERN,
              m.got('dma-prime.txt').strip())
        blank = bytes(len(PATTERN))
        for mfn in [frame[n] for n in names if n != 'pattern'] + [victim]:
            ram.write(mfn, blank)
        # from outside: no flush is asked for, and none is seen
        entry = lambda n, v: ram.entry(slot[dfn[n]], v)
        entry('stolen', ram.entry(slot[dfn['stolen']]) & ~tables.ADDRESS | victim << 12)
        entry('cleared', 0)
        entry('readonly', ram.entry(slot[dfn['readonly']]) & ~2)
        entry('cached', 0)
        ram.entry(page['unmapped'][1], 0)  # of the p2m: devices should lose it
        m.dump(core)

        status, data, bad = findings(core)
        kinds = {n: bad.get((one, d), {}).get('kind') for n, d in dfn.items()}
        want = {'same': None, 'stolen': 'iommu-stale', 'cleared': 'iommu-missing', 'readonly': 'iommu-permission',
                'cached': 'iommu-missing', 'unmapped': 'iommu-stale', 'pattern': None}
        check('iommu audit names each of them', status == 1 and kinds == want, str(kinds))
        check('and nothing else', {d for (_, d) in bad} == {dfn[n] for n in want if want[n]}, '%d frames' % len(bad))
        f = bad.get((one, dfn['stolen']), {})
        check('a frame of another domain that a device can write is critical',
              f.get('severity') == 'critical' and f.get('owner_domain') == two and f.get('first_mfn') == victim, str(f)[:160])
        f = bad.get((one, dfn['unmapped']), {})
        check('a frame that is still the domain\'s is not', f.get('severity') == 'warning' and
              f.get('owner') == 'this-domain', str(f)[:160])
        status, data = emtctl('diff', 'mem:' + first, 'mem:' + core)
        flushes = [f for f in data.get('flushes', []) if f['domain'] == one and f['finding']]
        check('diff: the p2m lost that page alone, and no flush for it is in the queue', status == 1 and
              [(f['first_gfn'], f['pages'], f['finding'], f['evidence']) for f in flushes] ==
              [(dfn['unmapped'], 1, 'flush-not-seen', 'not-seen')], str([f['evidence_text'] for f in flushes]))
        shown = reach(core, one)
        m.command('cont')
        m.say('go')
        m.wait('WRITTEN', 90)
        m.stop_cpus()
        landed = {n: ram.read(frame[n]) == PATTERN for n in names if n != 'pattern'}
        stolen = ram.read(victim) == PATTERN
        print('  DMA: %s' % ', '.join(m.got('dma-out.txt').split('\n')).strip(', '))
        writable = lambda n, mfn: shown.get(dfn[n], (None, ''))[0] == mfn and 'w' in shown[dfn[n]][1]
        for n in ('same', 'cleared', 'readonly', 'unmapped'):
            check('%s: DMA %s, as iommu show says' % (n, 'landed' if landed[n] else 'did not land'),
                  landed[n] == writable(n, frame[n]))
        check('stolen: DMA landed in domain %d\'s frame, not in its own' % two,
              stolen and not landed['stolen'] and writable('stolen', victim))
        check('cached: no table shows it, and DMA landed: the flush is missing', landed['cached'] and
              dfn['cached'] not in shown)
    if all_passed() and not os.environ.get('LAB_KEEP'):
        os.unlink(core)
        os.unlink(first)
    return finish()


if __name__ == '__main__':
    lab.run(main)
