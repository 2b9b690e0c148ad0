#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: stale.py NAME
States in which this Xen leaves a type that its own rule no longer gives, made to happen
on real EPT: the live audit must name each for what it is."""
import sys

from steps import UC, WB, WC, WP, Guest, Step, check, findings, finish, guest_mtrr, lab, mtrr, read

AREA = (0x1400, 0x200, UC)   # range 0 of the guest: one superpage
MOVED = (0x1600, 0x200, UC)
SECOND = (0x600, 0x200, WC)  # range 1, which the save record hides
PART = (0x1900, 0x100, UC)   # half of one
PAGE = 0xa00                 # a superpage of RAM
ALL = read()


def steps():
    """Each state is healed before the next: what follows is then its own."""
    rights = {0x1200: 'WB ', 0x1400: 'UC '}
    none = {0x1200: 'WB!', 0x1400: 'WB!'}
    stale = ['stale-by-design']
    area = {'vcpu_mtrr': [guest_mtrr(AREA)]}
    return [
        Step('granted', mtrr(0x200, *AREA) + ' iomem fd000 1 1 iomem fd004 1 1 ' + ALL, rights, False,
             dict(area, caps_ever_held=True)),
        Step('one-of-two-revoked', 'iomem fd004 1 0 ' + ALL, rights, False),
        # KD15: the last one, and nothing is recomputed
        Step('revoked', 'iomem fd000 1 0 ' + ALL, rights, False, {}, stale, keep=True, told=stale),
        # ... nor when the guest changes its MTRRs afterwards: no input of now explains 0x1400
        Step('revoked-moved', mtrr(0x200, *MOVED) + ' ' + ALL, {**rights, 0x1600: 'WB '}, False,
             {'vcpu_mtrr': [guest_mtrr(MOVED)]}, stale, keep=True, told=stale),
        # a page that comes now is written by the rule of now
        Step('revoked-populated', 'out 1480 1 in 1480 1 ' + read(0x1480, 0x1480, 1),
             {0x1480: 'WB!', 0x1481: 'UC '}, False, {}, stale, keep=True, told=stale),
        # a pin recomputes all, though it decides nothing without rights
        Step('healed-by-pin', 'pin 300 300 1 ' + read(apart=1), {**none, 0x1600: 'WB!', 0x300: 'WB!'}, False,
             {'pins': [['0x300', '0x300', 'WC']]}),
        # a pin that counted while there was a right, and still shows
        Step('pinned', 'unpin 300 300 ' + mtrr(0x200, *AREA) + ' iomem fd000 1 1 pin 500 57f 1 ' + read(apart=1),
             {**rights, 0x500: 'WC!', 0x57f: 'WC!', 0x580: 'WB '}, False,
             dict(area, pins=[['0x500', '0x57f', 'WC']]), ['suspect']),
        Step('pinned-revoked', 'iomem fd000 1 0 ' + ALL, {**rights, 0x500: 'WC!', 0x57f: 'WC!', 0x580: 'WB '}, False, {},
             ['stale-by-design', 'suspect'], keep=True, told=stale),
        # the same by I/O ports
        Step('ports', 'unpin 500 57f ioport 378 8 1 ' + read(apart=1), rights, False,
             {'pins': []}),
        Step('ports-revoked', 'ioport 378 8 0 ' + read(apart=1), rights, False, {}, stale, keep=True, told=stale),
        Step('granted-again', 'iomem fd000 1 1 ' + read(apart=1), rights, False),
        # Q1, KD19: half a superpage gets a range, all of it the type
        Step('part', mtrr(0x200, *PART) + ' ' + ALL, {0x1800: 'UC ', 0x19ff: 'UC '}, False,
             {'vcpu_mtrr': [guest_mtrr(PART)]}, keep=True),
        # ... and keeps it when it is split for another reason
        Step('part-split', 'out 1810 1 ' + read(0x1800, 0x1800, 1), {0x1800: 'UC ', 0x1900: 'UC ', 0x1810: ''}, False, {},
             ['inherited'], keep=True, told=['inherited']),
    ]


def host_steps():
    """KD16: dom0 changes a host MTRR over the frames of the superpage at PAGE."""
    now = lambda g: host_mtrr((frame(g), 0x200, WC))  # noqa: E731
    changed = lambda g: {'host_mtrr': now(g), 'host_mtrr_earlier': [host_mtrr()], 'host_mtrr_changed': True}  # noqa: E731
    gone = lambda g: {'host_mtrr': host_mtrr(), 'host_mtrr_earlier': [now(g)], 'host_mtrr_changed': True}  # noqa: E731
    set_it = 'host-mtrr "$(frame granted %x)" 200 1 ' % PAGE
    again = mtrr(0x200, *MOVED) + ' ' + mtrr(0x200, *AREA) + ' ' + ALL  # recomputes
    return [
        Step('host', set_it + ALL, {PAGE: 'WB '}, False, changed, ['stale-by-design'], keep=True,
             told=['stale-by-design']),
        Step('host-recomputed', again, {PAGE: 'WC '}, False),
        Step('host-gone', 'host-mtrr-gone "$(register host)" ' + ALL, {PAGE: 'WC '}, False, gone, ['suspect'], keep=True,
             told=['stale-by-design']),
        Step('host-gone-recomputed', again, {PAGE: 'WB '}, False, {'host_mtrr_earlier': [], 'host_mtrr_changed': False}),
    ]


def restored_steps():
    return [
        # KD17: a restored guest has range 0 in all its slots
        Step('second', mtrr(0x202, *SECOND) + ' ' + ALL, {SECOND[0]: 'WC '}, False,
             {'vcpu_mtrr': [guest_mtrr(PART, SECOND)]}, ['suspect']),
        Step('restored', 'reload rdmsr 202 ' + ALL, {SECOND[0]: 'WB '}, False,
             {'vcpu_mtrr': [guest_mtrr(*[PART] * 8)], 'restored': True}, keep=True),
    ]


def host_mtrr(*ranges):
    """The host's, as the boot log has them, and more."""
    regs = [[0x80000000, 0xff80000800]] + [[hex(b << 12 | kind), hex((0xfffffff & ~(n - 1)) << 12 | 0x800)] for b, n, kind in ranges]
    byte = 0x0101010101010101
    return {'def_type': WB, 'e': True, 'fe': True, 'var': regs + [[0, 0]] * (8 - len(regs)),
            'fixed': [hex(byte * t) for t in [WB, WB, UC] + [WP] * 8]}


def frame(guest):
    """The frame behind PAGE."""
    return guest.walk('granted').frames(PAGE, PAGE)[0][0]


NAMED = {  # step: (verdict, reason, defect, gfns that must be among them)
    'revoked': ('stale-by-design', 'revoked', 'KD15', [0x1200, 0x1400]),
    'revoked-moved': ('stale-by-design', 'revoked-mtrr', 'KD15', [0x1400]),
    'revoked-populated': ('stale-by-design', 'revoked-mtrr', 'KD15', [0x1481]),
    'pinned-revoked': ('suspect', 'revoked', 'KD15', [0x500, 0x57f]),
    'ports-revoked': ('stale-by-design', 'revoked', 'KD15', [0x1200, 0x1400]),
    'part-split': ('inherited', 'split-2m', None, [0x1800, 0x18ff]),
    'host': ('stale-by-design', 'host-mtrr', 'KD16', [PAGE]),  # by the boot log
}
TOLD = {  # what only an administrator tells, or history
    'host': ('stale-by-design', 'host-mtrr', 'KD16', [PAGE]),
    'host-gone': ('stale-by-design', 'host-mtrr', 'KD16', [PAGE]),
}


def named(who, step, reply, want):
    verdict, reason, defect, gfns = want
    mine = [f for f in findings(reply, verdict) if f['reason'] == reason and f['defect'] == defect]
    there = [any(r['first_gfn'] <= g <= r['last_gfn'] for f in mine for r in f['ranges']) for g in gfns]
    check('%s names %s: %s' % (who, step, reason), all(there), ' / '.join(
        '%s %s %s: %s' % (f['verdict'], f['reason'], f['defect'], f['explanation']) for f in reply['data']['findings']
        if f['verdict'] != 'pending'))


def main():
    granted, *rest = steps()
    todo = [granted] + host_steps() + rest + restored_steps()
    guest = Guest(sys.argv[1], todo, ring_until='host-gone-recomputed')
    if not guest.done():
        return finish()
    boot = guest.text('boot.txt')
    check('the host has the MTRRs that this scenario knows', '0 base 0080000000 mask ff80000000 uncachable' in boot and
          '1 disabled' in boot and 'c0000-fffff write-protect' in boot)
    told = {}
    for s in todo:
        guest.look(s)
        if s.name in TOLD or s.name == 'restored':
            told[s.name] = guest.told(s.name)
    for step, want in NAMED.items():
        named('the live audit', step, guest.reply(step), want)
    for step, want in TOLD.items():
        named('one that is told of the change', step, told[step], want)
    found = findings(guest.reply('host-gone'), 'suspect')
    check('the live audit suspects host-gone', len(found) == 1 and 'host_mtrr_changed' in found[0]['facts'] and
          'host_mtrr_changed' in found[0]['next'], ' / '.join('%s (%s)' % (f['explanation'], f['next']) for f in found))
    was, now = ('msr 202 %016x' % (base << 12 | kind) for base, _, kind in (SECOND, PART))
    check('a restored guest lost its range 1', now in guest.text('restored.steer') and was not in guest.text('restored.steer'),
          guest.text('restored.steer').strip().replace('\n', '; '))
    restored = [f for f in told['restored']['data']['findings'] if f['defect'] == 'KD17']
    check('one that is told of it names KD17', len(restored) == 1, ' / '.join(f['explanation'] for f in restored))
    defects = [f['defect'] for f in guest.reply('part')['data']['findings'] if f['kind'] == 'known-defect']
    check('half a superpage under a range is a known defect', defects == ['KD19'], str(defects))
    return finish()


if __name__ == '__main__':
    lab.run(main)
