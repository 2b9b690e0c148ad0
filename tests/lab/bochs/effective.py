#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: effective.py NAME
A guest with page tables of its own on real EPT: 32-bit, PAE and 4-level ones, and none,
with each of the PAT's eight slots over RAM, device memory, read-only device memory, shared info
and a grant frame. The types
that emtctl names are compared with the manual's table, applied to what Xen's key D
prints and to what the guest is known to have written."""
import json
import os
import subprocess
import sys

from steps import EMTCTL, UC, Guest, Step, check, finish, guest_mtrr, lab, mtrr, read

HOLE = (0xf0000, 0x10000, UC)
PAT = 0x0407050600070106
SLOTS = ['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT']
# SDM vol. 3, effective page-level memory types: EPT type, then UC UC- WC WT WP WB
MANUAL = {'UC': 'UC UC WC UC UC UC', 'WC': 'UC WC WC UC UC WC', 'WT': 'UC UC WC WT WP WT',
          'WP': 'UC WC WC WT WP WP', 'WB': 'UC UC WC WT WP WB'}
ORDER = ['UC', 'UC-', 'WC', 'WT', 'WP', 'WB']
MODES = {1: '32bit', 2: 'pae', 3: '4level', 0: 'off'}
WINDOW = 0x3000000
LARGE = {1: (0x3400000, 0x1400, 0x400), 2: (0x3200000, 0x1200, 0x200), 3: (0x3200000, 0x1200, 0x200)}

GFNS = (0x1000, 0xf1000, 0xf0000, 0xf1100, 0xf0010)  # RAM, device, shared info, I/O APIC, grant frame
PREPARE = ' '.join((mtrr(0x200, *HOLE), 'place 0 0 f0000 place 1 0 f0010 grants 2 place 1 80000000 f0020 iomem fd000 10 1 iomem fec00 1 1',
                    'map f1000 fd000 10 map f1100 fec00 1', read(), 'read f0000 f0000 1 read f0010 f0010 1 read f0020 f0020 1',
                    'read f1000 f100f 1 read f1100 f1100 1 wrmsr 277 %x' % PAT))
TAIL = '''
for m in 2 3 1 0; do
	/h/steer "$id" paging $m >/h/out/paging$m.steer 2>&1 || lab_say FAILED "paging $m: $(tail -n 1 /h/out/paging$m.steer)"
	try eff$m $E effective "$id,costs=yes" --json
	lab_say PAGING $m "$(now)"
	[ $m = 2 ] || continue
	try bars $E bars "$id,costs=yes" --json
	try alias $E alias "$id,costs=yes" --json
	try va $E explain "$id,costs=yes" --va 0x3009000 --json
	try unasked $E effective "$id" --json
	try special $E special "$id,costs=yes" --json
	try audit $E audit "$id,costs=yes" --effective yes --all --json
	try take $E capture take "$id,costs=yes" --guest-tables -o /h/out/tables.emt --json
	try calls $E doctor --json
done
/h/steer "$id" paging 2 paging 4 >/h/out/paging4.steer 2>&1 || lab_say FAILED "paging 4: $(tail -n 1 /h/out/paging4.steer)"
try cd $E effective "$id,costs=yes" --json
'''


def combine(ept, pat):
    """'WB!' and the like under a type that the guest requests."""
    if ept.endswith('!'):
        return ept[:2]
    return MANUAL[ept[:2]].split()[ORDER.index(pat)]


def want(walk, mode):
    """(linear address, gfn, PAT type, effective type) of each page of the window."""
    rows = []
    for i in range(8 * len(GFNS)):
        gfn = GFNS[i >> 3] + (i & 7 if i >> 3 < 2 else 0)
        rows.append((WINDOW + i * 4096, gfn, SLOTS[i & 7], combine(walk.at(gfn), SLOTS[i & 7])))
    first, gfn, frames = LARGE[mode]
    rows += [(first + i * 4096, gfn + i, SLOTS[4], combine(walk.at(gfn + i), SLOTS[4])) for i in range(0, frames, 0x80)]
    # one to one
    rows += [(gfn << 12, gfn, SLOTS[0], combine(walk.at(gfn), SLOTS[0])) for gfn in (0, 0x110, 0x400, 0x1fff)]
    return rows


def find(runs, va):
    for r in runs:
        first, last = int(r['va'], 16), int(r['last_va'], 16)
        if first <= va <= last:
            return r['gfn'] + ((va - first) >> 12), r['pat'], '/'.join(r['effective'])
    return None


def look(guest, walk, mode):
    reply = guest.reply('eff%d' % mode)
    name = MODES[mode]
    if not reply or not reply.get('data'):
        return check('effective, ' + name, False, guest.text('eff%d.out' % mode) + guest.text('eff%d.err' % mode))
    data = reply['data']
    runs = data['runs']
    view = data['views'][0]
    bad = []
    if view['paging'] != name or len(data['views']) != 1 or not view['complete']:
        bad.append('view is %s' % view)
    if mode:
        rows = want(walk, mode)
    else:  # linear is physical, and WB is requested
        rows = [(g << 12, g, 'WB', combine(walk.at(g), 'WB')) for g in (0, 0x1000, 0x1fff) + GFNS[1:]]
    for va, gfn, pat, kind in rows:
        got = find(runs, va)
        if got != (gfn, pat, kind):
            bad.append('0x%x is %s, not %s' % (va, got, (gfn, pat, kind)))
    if mode and find(runs, WINDOW + 8 * len(GFNS) * 4096):
        bad.append('a page that is not mapped is shown')
    return check('effective, %s: %d addresses as the manual has them' % (name, len(rows)), not bad, '; '.join(bad[:4]))


def heap(data):
    """Shared info, grant and status frames among special pages: by gfn."""
    return {p['gfn'] + k: p for p in data['pages'] if p['what'] == 'xen-heap' for k in range(p['frames'])}


def special(guest, path):
    """Shared pages in the hole that the guest's MTRRs make UC: cached here, not before 4.14.1."""
    live = guest.reply('special')['data']
    pages = heap(live)
    check('special: shared info, grant and status frame in the device hole, cached', sorted(pages) ==
          [0xf0000, 0xf0010, 0xf0020] and all(p['place'] == 'device-hole' and p['cached'] == 'yes' and p['type'] == 'WB!' and
                                              p['verdict'] == 'ok' for p in pages.values()), str(sorted(pages)))
    check('special: the capture says the same', guest.here('special', path)['pages'] == live['pages'])
    old = heap(guest.here('special', path, '--release', '4.14.0'))
    check('special: by the rule of 4.14.0 they are not, for a known defect', sorted(old) == sorted(pages) and
          all(p['cached_by_rule'] == 'no' and p['defects'] == ['KD8'] for p in old.values()),
          str([p['defects'] for p in old.values()]))
    for last, fixed in (('4.14.1', True), ('4.13.1', False)):
        said = json.dumps(guest.here('upgrade-check', '4.14.0', last, path))
        check('upgrade-check 4.14.0 %s: %s' % (last, 'fixes it' if fixed else 'does not'), ('KD8' in said) == fixed)


def main():
    types = {0x1000: 'WB ', 0xf1000: 'UC ', 0xf0000: 'WB!', 0xf1100: 'UC!', 0xf0010: 'WB!', 0xf0020: 'WB!'}
    guest = Guest(sys.argv[1], [Step('prepared', PREPARE, types, None,
                                     {'vcpu_mtrr': [guest_mtrr(HOLE)], 'caps_ever_held': True})], TAIL)
    if not guest.done():
        return finish()
    guest.look(guest.steps[0])
    walk = guest.walk('prepared')
    for mode in (2, 3, 1, 0):
        look(guest, walk, mode)
    bar = [r for r in guest.reply('bars')['data']['regions'] if r['gfn'] == 0xf1000]
    check('bars: the eight slots are what the guest requests', bar and bar[0]['requested'] == 'UC, WC, WT, WP, WB, UC-' and
          bar[0]['used'] == 'UC, WC', str(bar[0]['requested'] if bar else bar))
    aliases = {m: sorted(a['types']) for a in guest.reply('alias')['data']['aliases'] if a['memory'] == 'ram'
               for m in range(a['mfn'], a['last_mfn'] + 1)}
    # each page of RAM in the window is mapped one to one as well, WB
    expect = {}
    for i in range(8):
        kind = combine(walk.at(0x1000 + i), SLOTS[i])
        if kind != 'WB':
            expect[walk.frames(0x1000, 0x11ff)[0][0] + i] = sorted([kind, 'WB'])
    check('alias: the pages with two types', aliases == expect,
          '%s, %s' % (aliases, expect))
    va = guest.reply('va')['data']
    check('explain --va', va['translations'][0]['gfn'] == 0xf1001 and va['translations'][0]['effective'] == ['WC'] and
          va['explanations'][0]['gfn'] == 0xf1001, str(va['translations'])[:120])
    found = {f['reason']: (f['kind'], f['severity']) for f in guest.reply('audit')['data']['findings']
             if f['kind'] in ('effective', 'alias')}
    check('audit --effective yes: what the guest asks for, and nothing worse',
          found == {'ram-asked': ('effective', 'info'), 'alias-asked': ('alias', 'notice')}, str(found))
    cd = guest.reply('cd')['data']
    check('CR0.CD of a domain without IOMMU is not heeded', cd['views'][0]['caches_off'] == 'no' and
          cd['runs'] == guest.reply('eff2')['data']['runs'], str(cd['views'][0])[:100])
    check('unasked it is refused', int(guest.text('unasked.rc')) == 2 and 'costs=yes' in guest.text('unasked.err'))
    check('a capture keeps three tables of PAE', guest.reply('take')['data']['capture']['guest_tables'] == 3,
          str(guest.reply('take')['data']['capture']['guest_tables']))
    path = os.path.join(guest.folder, 'tables.emt')
    here = json.loads(subprocess.run([EMTCTL, 'effective', path, '--json'], stdout=subprocess.PIPE).stdout)
    check('and says the same on this machine', here['data'] == guest.reply('eff2')['data'])
    special(guest, path)
    return finish()


if __name__ == '__main__':
    lab.run(main)
