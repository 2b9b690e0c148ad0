#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: effective.py NAME
A guest on real NPT with page tables of its own: PAE ones that it runs on, 4-level and 32-bit ones,
which are named to emtctl, and none; with each of the PAT's eight slots over RAM, device memory, read-only device memory, shared info and a grant
frame. Every page that emtctl names is compared with a walk of the machine's memory from outside:
the guest's tables, Xen's nested table, AMD's rules."""
import json
import os
import re
import subprocess
import sys

import lab
import tables
from check import check, finish
from live import EMTCTL, give_program

PAT = 0x0407050600070106
KINDS = {0: 'UC', 1: 'WC', 4: 'WT', 5: 'WP', 6: 'WB', 7: 'UC-'}
XEN_PAT = 0x050100070406
# AMD APM vol. 2, 15.25.8: type of the nested entry, type that the guest asks for, both combined
NESTED = {'WB': {'UC': 'UC', 'UC-': 'UC', 'WC': 'WC+', 'WP': 'WP', 'WT': 'WT', 'WB': 'WB'},
          'UC-': {'UC': 'UC', 'UC-': 'UC-', 'WC': 'WC', 'WP': 'UC', 'WT': 'UC', 'WB': 'UC-'},
          'UC': {'UC': 'UC', 'UC-': 'UC', 'WC': 'WC', 'WP': 'UC', 'WT': 'UC', 'WB': 'UC'}}
# ... and what becomes of it where the host's MTRRs say WB
UNDER_WB = {'UC': 'CD', 'UC-': 'CD', 'WC': 'WC', 'WC+': 'WC+', 'WP': 'WP', 'WT': 'WT', 'WB': 'WB'}
# ... and UC
UNDER_UC = {'UC': 'UC', 'UC-': 'UC', 'WC': 'WC', 'WC+': 'WC', 'WP': 'UC', 'WT': 'UC', 'WB': 'UC'}
HOLE = 0xc0000  # the firmware's MTRRs: UC from here to 4 GiB, else WB
MODES = {3: ('4level', 0x405000), 2: ('pae', 0x402000), 1: ('32bit', 0x400000), 0: ('off', None)}
RUNS = (0, 2)  # modes that a vCPU has loaded; the tables of all lie there at once
PLACES = (0x1000, 0xf1000, 0xf0000, 0xf1100, 0xf0010)
WINDOW = 0x3000


class Nested:
    """What Xen's nested table maps: machine frame and PAT type of each gfn."""

    def __init__(self, image, root):
        places = []
        leaves = tables.npt(image, root, places)
        self.at = {}
        for (gfn, order, mfn, perm, _), place in zip(leaves, places):
            raw = image.page(place & ~0xfff)[place % 4096 // 8]
            slot = raw >> 3 & 3 | (raw >> (12 if order else 7) & 1) << 2
            for k in range(1 << order) if perm != '---' else ():
                self.at[gfn + k] = mfn + k, KINDS[XEN_PAT >> 8 * slot & 7]

    def frame(self, gfn):
        return self.at[gfn][0]


def effective(nested, gfn, pat):
    """Type of a page by the rules; None where nothing is mapped."""
    if gfn not in nested.at:
        return None
    mfn, kind = nested.at[gfn]
    return (UNDER_UC if HOLE <= mfn < 0x100000 else UNDER_WB)[NESTED[kind][pat]]


def want(image, nested, mode):
    """{linear page: (gfn, PAT type, effective type)}"""
    name, cr3 = MODES[mode]
    if mode:
        pages = tables.guest(image, nested.frame, cr3, name)
    else:
        pages = {gfn: (gfn, None) for gfn in nested.at if gfn < 1 << 20}
    rows = {}
    for va, (gfn, slot) in pages.items():
        pat = 'WB' if slot is None else KINDS[PAT >> 8 * slot & 7]
        rows[va] = (gfn, pat, effective(nested, gfn, pat))
    return rows


def said(data):
    """The same of a reply."""
    rows = {}
    for r in data['runs']:
        first = int(r['va'], 16) >> 12
        for k in range(r['bytes'] >> 12):
            kind = '/'.join(r['effective']) or None
            rows[first + k] = (r['gfn'] + k, r['pat'], kind if r['mfn'] is not None else None)
    return rows


def same(name, expect, got):
    bad = ['0x%x is %s, not %s' % (va << 12, got.get(va), expect.get(va)) for va in sorted(set(expect) | set(got))
           if got.get(va) != expect.get(va)]
    return check(name, expect and not bad, '%d pages%s' % (len(expect), ''.join('; ' + b for b in bad[:3])))


def look(m, image, domain, mode):
    """One mode, while the machine stands still."""
    name, cr3 = MODES[mode]
    reply = m.got('out/eff%d.out' % mode)
    data = json.loads(reply)['data'] if reply else None
    if not data:
        return check('effective, ' + name, False, m.got('out/eff%d.err' % mode).split('\n')[0])
    roots = tables.roots_of_key_v(m.got('keys/v.txt'))
    nested = Nested(image, roots[domain])
    expect = want(image, nested, mode)
    view = data['views'][0]
    same('effective, %s: every page as the walk from outside has it' % name, expect, said(data))
    told = cr3
    if mode in RUNS:
        told = int(re.search(r'\bcr3 +(0x[0-9a-f]+)', m.got('out/hvmctx%d.out' % mode), re.I)[1], 16)
    check('effective, %s: its view' % name, view['paging'] == name and view['complete'] and len(data['views']) == 1 and
          view['cr3'] == (hex(cr3) if cr3 else None) and (not cr3 or told == cr3) and not view['entries_reserved'] and
          view['vcpus'] == ('0' if mode in RUNS else '-'), str(view)[:100])
    if mode:
        seen = {(expect[WINDOW + i][1], nested.at[PLACES[i >> 3] + (i & 7 if i >> 3 < 2 else 0)][1], i >> 3)
                for i in range(40)}
        check('effective, %s: six types over five kinds of page' % name, len(seen) == 30 and
              {s[1] for s in seen} == {'WB', 'UC-', 'UC'}, '%d combinations' % len(seen))
    return nested


def here(*words):
    out = subprocess.run([EMTCTL, *words, '--json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return json.loads(out.stdout)['data'] if out.stdout else {'runs': [], 'why': out.stderr.decode()}


def main():
    name = sys.argv[1]
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    guest = os.path.join(lab.HERE, '..', 'guest')
    subprocess.run([os.path.join(guest, 'build'), lab.LAB], check=True)
    folder = os.path.join(lab.LAB, 'out', name)
    with lab.Machine('vtd', folder, mem=lab.MIB['vtd'], timeout=300) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'steer'))
        m.give(os.path.join(lab.LAB, 'steered'))
        m.give(os.path.join(guest, 'steered.cfg'))
        m.start(lab.job('try.sh', 'pci.sh', 'effective.sh'))
        for mode in RUNS:
            m.wait('MODE', 120)
            m.stop_cpus()
            image = tables.Image(m.ram)
            domain = int(m.got('domain.txt').split()[0])
            nested = look(m, image, domain, mode)
            if mode == 2:
                look(m, image, domain, 1)
                look(m, image, domain, 3)
                ram = os.path.join(folder, 'ram.img')
                subprocess.run(['cp', '--sparse=always', m.ram, ram], check=True)
                expect = want(image, nested, mode)
                got = here('effective', 'mem:%s,domid=%d' % (ram, domain), '--cr3', '0x402000', '--paging-mode', 'pae',
                           '--pat', hex(PAT))
                if 'why' in got:
                    print('  ' + got['why'])
                same('the same of the machine\'s memory alone', expect, said(got))
                os.unlink(ram)
            m.command('cont')
            m.say('go')
        m.wait('DONE', 60)

        def reply(what):
            out = m.got('out/%s.out' % what)
            return json.loads(out) if out else {'data': {'runs': [], 'views': []}, 'why': m.got('out/%s.err' % what)}

        check('without the payload there are no entries, and that is said', int(m.got('out/without.rc')) == 2 and
              'query load' in m.got('out/without.err'),
              m.got('out/without.err').split('\n')[0])
        aliases = {f: sorted(a['types']) for a in reply('alias')['data']['aliases'] if a['memory'] == 'ram'
                   for f in range(a['mfn'], a['last_mfn'] + 1)}
        two = {}
        for gfn, pat, kind in expect.values():
            if gfn in nested.at:
                two.setdefault(nested.at[gfn][0], set()).add(kind)
        two = {f: sorted(k) for f, k in two.items() if len(k) > 1 and not HOLE <= f < 0x100000}
        check('alias: the frames of RAM with two types', aliases == two and len(two) == 8, '%d frames, %d' % (len(two), len(aliases)))
        va = reply('va')['data']['translations']
        check('explain --va', va and va[0]['gfn'] == 0xf1001 and va[0]['effective'] == ['WC'] and va[0]['type'] == 'UC-',
              str(va)[:120])
        check('without consent the registers are not asked for, and that is said', int(m.got('out/free.rc')) == 2 and
              'costs=yes' in m.got('out/free.err'), m.got('out/free.err').split('\n')[0])
        same('the same with the tables stated', expect, said(reply('stated')['data']))
        check('a capture keeps three tables of PAE', reply('take')['data']['capture']['guest_tables'] == 3)
        path = os.path.join(m.share, 'out/tables.emt')
        check('and says the same on this machine', here('effective', path) == reply('eff2')['data'])
        cd = reply('cd')['data']
        kinds = {k for r in cd['runs'] if r['mfn'] is not None for k in r['effective']}
        check('CR0.CD: all is CD, whatever else is asked for', kinds == {'CD'} and cd['views'][0]['caches_off'] == 'yes',
              str(kinds))
    return finish()


if __name__ == '__main__':
    lab.run(main)
