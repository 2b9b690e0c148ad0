# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest taken through steps on real EPT; after each the live audit beside what Xen
printed for it, and beside an audit that is told all that the steps did."""
import json
import os
import re
import subprocess

import job
import lab
from check import check, finish  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.join(HERE, '..', 'guest')
EMTCTL = os.path.join(lab.BUILD, 'emtctl')
LIMIT = 700  # seconds; a quiet machine takes 90 to 150

UC, WC, WT, WP, WB = 0, 1, 4, 5, 6
TYPES = {UC: 'UC', WC: 'WC', WT: 'WT', WP: 'WP', WB: 'WB'}
RAM = (0x0, 0x1fff)  # of a guest of 32 MiB
FINE = {'ok', 'pending', 'not-present'}

NAMES = ['UC', 'WC', '2?', '3?', 'WT', 'WP', 'WB', '??']  # of types, as key D prints them
LINE = re.compile(r'gfn: +([0-9a-f]+) order: +(\d+) mfn: +([0-9a-f]+) (.{3}) (..)(.)')

TRUTH = {'release': '4.17.7', 'paging': 'ept', 'iommu_enabled': False, 'pci_devices': 0, 'restored': False,
         'host_mtrr_changed': False, 'mmio_ro_changed': False, 'pins': [],
         'mmio_ro': [['0xfec00', '0xfec00'], ['0xfed00', '0xfed00']]}


def as_key_d(e):
    """A leaf of `show --split`, as key D prints it: (gfn, order, mfn, permissions, type, mark)."""
    raw = int(e['raw'], 16)
    kind = NAMES[raw >> 3 & 7]
    perm = ('r' if raw & 1 else ' ') + ('w' if raw & 2 else ' ') + ('x' if raw & 4 else ' ')
    above = e['pending'] and kind != '??'
    mark = '?' if above or (e['order'] and kind == '??') else '!' if raw & 64 else ' '
    return e['gfn'], e['order'], e['mfn'], perm, kind, mark


class Step:
    """name; what steer does; types that Xen must print then, by gfn ('' = no entry);
    what changed of the truth; verdicts that the live audit may say beside FINE."""

    def __init__(self, name, steer, expect=None, pending=None, truth=None, verdicts=(), keep=False, told=FINE):
        self.name, self.steer = name, steer
        self.expect = expect or {}
        self.pending = pending      # True: something is; False: nothing of RAM; None: as it is
        self.truth = truth or {}
        self.verdicts = set(verdicts)
        self.keep = keep
        self.told = set(told)       # verdicts of the audit that is told everything


def mtrr(msr, base, pages, kind, valid=True):
    """steer's words for one variable range of 'pages' (a power of two)."""
    mask = (0xfffffff & ~(pages - 1)) << 12 | (0x800 if valid else 0)
    return 'wrmsr %x %x wrmsr %x %x' % (msr, base << 12 | kind, msr + 1, mask)


def guest_mtrr(*ranges, default=WB):
    """What a facts file says of such ranges."""
    regs = [[hex(base << 12 | kind), hex((0xfffffff & ~(pages - 1)) << 12 | 0x800)] for base, pages, kind in ranges]
    return {'def_type': default, 'e': True, 'fe': False, 'fixed': [0] * 11, 'var': regs + [[0, 0]] * (8 - len(regs))}


def read(first=RAM[0], last=RAM[1], apart=0x200):
    return 'read %x %x %x' % (first, last, apart)


class Walk:
    """Key D's lines, read without any of emt."""

    def __init__(self, text):
        self.lines = []
        for m in LINE.finditer(text.split("'D' pressed")[-1]):
            gfn, order, mfn = int(m[1], 16), int(m[2]), int(m[3], 16)
            self.lines.append((gfn, order, mfn, m[4], m[5], m[6]))

    def pending(self):
        return [l for l in self.lines if l[5] == '?' or l[4] == '??']

    def at(self, gfn):
        """'WB!' and the like; '' where nothing maps it."""
        for first, order, _, perm, kind, mark in self.lines:
            if first <= gfn < first + (1 << order) and perm.strip():
                return kind + mark
        return ''

    def frames(self, first, last):
        """Frames that back gfns first..last, as (mfn, count) of each entry."""
        return [(l[2], 1 << l[1]) for l in self.lines if first <= l[0] <= last]


class Guest:
    """The steps of a scenario, run and then looked at one by one."""

    def __init__(self, name, steps, tail='', ring_until=None):
        """'tail': shell text behind the steps. The boot log stays in the console ring until
        step 'ring_until' is done."""
        self.folder = os.path.join(lab.LAB, 'out', name)
        self.steps = steps
        subprocess.run([os.path.join(HERE, 'packages')], check=True)
        lab.need_base()
        subprocess.run([os.path.join(GUEST, 'build'), lab.LAB], check=True)
        text = open(os.path.join(HERE, 'steps.sh')).read() + ('KEEP_RING=1\n' if ring_until else '') + 'begin\n'
        for s in steps:
            text += 'step %s %s\n' % (s.name, s.steer)
            if s.keep:
                text += 'keep %s\n' % s.name
            if s.name == ring_until:
                text += 'KEEP_RING=\n'
        job.prepare(self.folder, text + tail, [os.path.join(lab.LAB, 'bin', 'steer'), os.path.join(lab.LAB, 'steered'),
                                               os.path.join(GUEST, 'steered.cfg')], console='none')
        self.files, self.marks = job.run(self.folder, LIMIT)
        self.truth = dict(TRUTH)

    def done(self):
        failed = [m for m in self.marks if m.startswith('FAILED')]
        times = [m.split() for m in self.marks]
        return check('dom0 did its job', self.files and not failed,
                     '; '.join(failed) if failed else '%d steps, dom0 up %s s' % (
                         len(self.steps), times[-1][-1] if times else '?'))

    def text(self, name):
        return self.files[name].decode('latin1')

    def walk(self, step):
        return Walk(self.text(step + '.txt'))

    def reply(self, name):
        out = self.text(name + '.out')
        return json.loads(out) if out.startswith('{') else None

    def told(self, step, **more):
        """Audit of the same text by an emtctl that is told all that the steps did."""
        facts = os.path.join(self.folder, step + '.facts')
        emt = os.path.join(self.folder, step + '.told.emt')
        json.dump(dict(self.truth, **more), open(facts, 'w'))
        subprocess.run([EMTCTL, 'import', os.path.join(self.folder, 'boot.txt'), os.path.join(self.folder, step + '.txt'),
                        '-f', facts, '-o', emt], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return {'data': self.here('audit', emt, '--all')}

    def here(self, *words):
        """What emtctl says on this machine."""
        return json.loads(subprocess.run([EMTCTL, *words, '--json'], stdout=subprocess.PIPE).stdout)['data']

    def look(self, s):
        """One check a step: each thing that is not as it should be."""
        self.truth.update(s.truth(self) if callable(s.truth) else s.truth)
        walk, reply = self.walk(s.name), self.reply(s.name)
        if not reply or not reply.get('data'):
            return check(s.name, False, 'no audit: ' + self.text(s.name + '.out') + self.text(s.name + '.err'))
        seen, told, pending = verdicts(reply), verdicts(self.told(s.name)), walk.pending()
        bad = ['Xen has 0x%x as %r, not %r' % (g, walk.at(g), t) for g, t in s.expect.items() if walk.at(g) != t]
        if not walk.lines or sum(seen.values()) != len(walk.lines) or seen.get('pending', 0) != len(pending):
            bad.append('Xen printed %d entries, %d of them pending' % (len(walk.lines), len(pending)))
        ram = [l for l in pending if RAM[0] <= l[0] <= RAM[1]]
        if s.pending is not None and bool(ram) != s.pending:
            bad.append('%d pending entries of RAM' % len(ram))
        if set(seen) - FINE != s.verdicts:
            bad.append('the live audit does not agree')
        if not told or set(told) - FINE != s.told - FINE:
            bad.append('one that is told everything does not: %s' % told)
        return check(s.name, not bad, '; '.join([', '.join('%d %s' % (n, v) for v, n in sorted(seen.items()))] + bad))


def verdicts(reply):
    return {v['verdict']: v['entries'] for d in reply['data']['domains'] for v in d['verdicts']}


def findings(reply, verdict):
    return [f for f in reply['data']['findings'] if f['verdict'] == verdict]
