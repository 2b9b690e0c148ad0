#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: pins.py NAME
Many pins at random places on real EPT, one or two at a time, over areas of different
MTRRs: each round the live audit must name them exactly. LAB_SEED repeats a run."""
import os
import random
import sys

from guest import span
from steps import RAM, TYPES, UC, Guest, Step, check, findings, finish, guest_mtrr, lab, mtrr, read

ROUNDS = 16
AREA = (0x1000, 0x400, UC)  # the guest's range 0
FREE = 0x200                # below: the guest's own image


def pick(r):
    """One pin, or two that do not touch."""
    def one():
        size = 1 << r.randrange(0, 12)
        size = min(size + r.randrange(size), 0xfff)
        first = r.randrange(FREE, RAM[1] - size + 2)
        if r.randrange(4) == 0:  # on the borders of superpages
            first, size = first & ~0x1ff, max(size & ~0x1ff, 0x200)
        return first, min(first + size - 1, RAM[1]), r.choice(sorted(TYPES))
    while True:
        pins = sorted(one() for _ in range(r.randrange(1, 3)))
        if all(a[1] + 1 < b[0] for a, b in zip(pins, pins[1:])):
            return pins


def want(pins):
    """Explanations, as each begins."""
    if len(pins) == 2 and pins[0][2] == pins[1][2]:
        return ['2 %s pins on %s, %s' % (TYPES[pins[0][2]], span(*pins[0][:2]), span(*pins[1][:2]))]
    return ['one %s pin on %s' % (TYPES[k], span(a, b)) for a, b, k in pins]


def main():
    seed = int(os.environ.get('LAB_SEED') or random.SystemRandom().randrange(1 << 32))
    print('  seed %d' % seed, flush=True)
    r = random.Random(seed)
    rounds = [pick(r) for _ in range(ROUNDS)]
    todo = [Step('granted', mtrr(0x200, *AREA) + ' iomem fd000 1 1 ' + read(), {0x1000: 'UC ', 0x1400: 'WB '}, False,
                 {'caps_ever_held': True, 'vcpu_mtrr': [guest_mtrr(AREA)]})]
    before = []
    for i, pins in enumerate(rounds):
        steer = ['unpin %x %x' % (a, b) for a, b, _ in before] + ['pin %x %x %x' % p for p in pins] + [read(apart=1)]
        expect = {g: TYPES[k] + '!' for a, b, k in pins for g in (a, b)}
        todo.append(Step('round%d' % i, ' '.join(steer), expect, False,
                         {'pins': [[hex(a), hex(b), TYPES[k]] for a, b, k in pins]}, ['suspect']))
        before = pins
    guest = Guest(sys.argv[1], todo)
    if not guest.done():
        return finish()
    for s in todo:
        guest.look(s)
    for i, pins in enumerate(rounds):
        found = sorted(f['explanation'] for f in findings(guest.reply('round%d' % i), 'suspect'))
        wanted = sorted(want(pins))
        check('round%d: %s' % (i, ' and '.join(wanted)), len(found) == len(wanted) and
              all(f.startswith(w + ' would explain ') for f, w in zip(found, wanted)), ' / '.join(found))
    return finish()


if __name__ == '__main__':
    lab.run(main)
