#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: guest.py NAME
A guest writes its MTRRs, gets device memory, special pages, pins and less memory, on
real EPT. A range is pinned at random: the live audit must name exactly that.
LAB_SEED repeats a run."""
import os
import random
import sys

from steps import FINE, RAM, TYPES, UC, WC, Guest, Step, check, findings, finish, guest_mtrr, lab, mtrr, read, verdicts

HOLE = (0xf0000, 0x10000, UC)     # the guest's range 0: its last 256 MiB below 4 GiB
SECOND = (0x1400, 0x200, WC)      # its range 1, which the save record does not show
SPECIAL = 'read f0000 f0000 1 read f0010 f0011 1 read f0100 f0100 1'
DEVICE = 'read f1000 f100f 1 read f1100 f1100 1'
ALL = ' '.join((read(), SPECIAL, DEVICE))


def steps(first, last, kind):
    pinned = TYPES[kind] + '!'
    below, above = first - 1, last + 1
    around = {g: 'WB ' for g in (below, above) if 0x200 <= g <= RAM[1]}
    built = {0x1000: 'WB!', 0x110: 'WB!'}
    rights = {0x1000: 'WB ', 0xf0000: 'WB!', 0xf0010: 'WB!', 0xf0011: 'WB!', 0xf0100: 'UC ', 0xf1000: 'UC ',
              0xf1100: 'UC!'}
    one = {'vcpu_mtrr': [guest_mtrr(HOLE)]}
    return [
        Step('built', '', built, False, {'vcpu_mtrr': [guest_mtrr()]}),
        Step('guest-mtrr', mtrr(0x200, *HOLE), built, False, one),
        Step('special', 'place 0 0 f0000 place 1 0 f0010 place 1 1 f0011 maxmem 10000 in f0100 1 ' + SPECIAL,
             {0xf0000: 'WB!', 0xf0010: 'WB!', 0xf0011: 'WB!', 0xf0100: 'WB!'}, False),
        Step('granted', 'iomem fd000 10 1 iomem fec00 1 1 map f1000 fd000 10 map f1100 fec00 1', {}, True,
             {'caps_ever_held': True}),
        Step('touched', ALL, rights, False, keep=True),
        Step('default-uc', 'wrmsr 2ff 800', {}, True, {'vcpu_mtrr': [guest_mtrr(HOLE, default=UC)]}),
        Step('default-uc-touched', ALL, {**rights, 0x1000: 'UC '}, False),
        Step('default-wb', 'wrmsr 2ff 806 ' + ALL, rights, False, one),
        Step('ballooned', 'out 1a00 40 ' + read(0x1a40, 0x1a40), {0x1a00: '', 0x1a3f: '', 0x1a40: 'WB '}, False),
        Step('populated', 'in 1a00 40 ' + read(0x1a00, 0x1a3f, 1), {0x1a00: 'WB ', 0x1a3f: 'WB '}, False),
        Step('second-range', mtrr(0x202, *SECOND) + ' ' + ALL, {0x1400: 'WC ', 0x1200: 'WB ', 0x1600: 'WB '}, False,
             {'vcpu_mtrr': [guest_mtrr(HOLE, SECOND)]}, ['suspect'], keep=True),
        Step('second-range-gone', 'wrmsr 203 0 ' + ALL, rights, False, one),
        Step('pinned', 'pin %x %x %x' % (first, last, kind), {}, True,
             {'pins': [[hex(first), hex(last), TYPES[kind]]]}),
        Step('pinned-touched', read(apart=1) + ' ' + SPECIAL + ' ' + DEVICE,
             {**around, first: pinned, last: pinned, (first + last) // 2: pinned}, False, {}, ['suspect'], keep=True),
        Step('unpinned', 'unpin %x %x ' % (first, last) + read(apart=1), {first: 'WB ', last: 'WB '}, None, {'pins': []}),
    ]


def pick():
    """A range of RAM above the guest's own image, and a type."""
    seed = int(os.environ.get('LAB_SEED') or random.SystemRandom().randrange(1 << 32))
    r = random.Random(seed)
    size = 1 << r.randrange(0, 13)
    size = min(size + r.randrange(size), RAM[1] - 0x200 + 1)
    first = r.randrange(0x200, RAM[1] - size + 2)
    kind = r.choice(sorted(TYPES))
    print('  seed %d: %s pin on 0x%x-0x%x' % (seed, TYPES[kind], first, first + size - 1), flush=True)
    return first, first + size - 1, kind


def span(first, last):
    return '0x%x' % first if first == last else '0x%x-0x%x' % (first, last)


def suspicion(guest, step, want):
    """The one suspicion of a step is worded as 'want' begins."""
    found = findings(guest.reply(step), 'suspect')
    return check('%s: the smallest explanation is %s' % (step, want),
                 len(found) == 1 and found[0]['explanation'].startswith(want + ' would explain '),
                 ' / '.join(f['explanation'] for f in found))


def main():
    first, last, kind = pick()
    todo = steps(first, last, kind)
    guest = Guest(sys.argv[1], todo)
    if not guest.done():
        return finish()
    for s in todo:
        guest.look(s)
    suspicion(guest, 'second-range', 'one WC guest MTRR range over %s' % span(SECOND[0], SECOND[0] + SECOND[1] - 1))
    suspicion(guest, 'pinned-touched', 'one %s pin on %s' % (TYPES[kind], span(first, last)))
    beside = guest.told('pinned-touched', pins=[[hex(first + 1), hex(last + 1), TYPES[kind]]])
    check('one that is told of a pin a page beside does not agree', set(verdicts(beside)) - FINE, str(verdicts(beside)))
    why = guest.here('explain', os.path.join(guest.folder, 'pinned-touched.emt'), '0x%x' % first)['explanations'][0]
    check('explain: a pin is among what it rests on', why['verdict'] == 'suspect' and
          'pins' in [a['fact'] for a in why['assumed']], why['text'])
    return finish()


if __name__ == '__main__':
    lab.run(main)
