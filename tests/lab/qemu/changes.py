#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: changes.py vtd|amdvi NAME
A guest with a device is changed while the device may use it: what `diff` of two images
says of each change and of the flushes that the IOMMU was asked for, against the outside
walk and the queue that the IOMMU's registers name. Then an entry is taken out from
outside, so that no flush is asked for: that must show."""
import json
import os
import subprocess
import sys

import lab
import ours
import queues
import tables
from check import all_passed, check, finish
from memory import registers


def emtctl(*words):
    """Exit status and data of a reply in JSON."""
    r = subprocess.run([ours.EMTCTL, *words, '--json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=240, check=False)
    return r.returncode, json.loads(r.stdout.decode()).get('data') or {}, r.stderr.decode()


def by_frame(leaves):
    """{gfn: (mfn, perm, type)}"""
    return {g + i: (m + i, p, t) for g, order, m, p, t in leaves for i in range(1 << order) if p != '---'}


def frames(group):
    return {g for r in group['ranges'] for g in range(r['first_gfn'], r['last_gfn'] + 1)}


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    folder = os.path.join(lab.LAB, 'out', name)
    cores = [os.path.join(folder, n) for n in ('a.elf', 'b.elf', 'c.elf')]
    with lab.Machine(kind, folder, mem=lab.MIB[kind], timeout=200) as m:
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('pci.sh', 'changes.sh'))
        m.wait('BUILT')
        m.stop_cpus()
        m.dump(cores[0])
        m.command('cont')
        m.say('go')
        m.wait('CHANGED')
        m.stop_cpus()
        regs = registers(m, kind)
        m.dump(cores[1])
        domain, sbdf = [int(w, b) for w, b in zip(m.got('domains.txt').split(), (10, 16))]
        root = tables.roots_of_key_v(m.got('keys/v.txt'))[domain]
        places = []
        nested = tables.npt(tables.Image(cores[1]), root, places)
        hidden, at = next((l, a) for l, a in zip(nested, places) if l[0] == 0x1020 and l[1] == 0)
        with open(m.ram, 'r+b') as ram:
            ram.seek(at)
            ram.write(bytes(8))
        m.dump(cores[2])
    images = [tables.Image(c) for c in cores]
    before, after = [by_frame(tables.npt(i, root)) for i in images[:2]]
    find, walk = (tables.vtd_root, tables.vtd) if kind == 'vtd' else (tables.amdvi_root, tables.amdvi)
    address, levels, did = find(images[1], regs['root'], sbdf)
    print('  domain %d: device %#x, domain field %d' % (domain, sbdf, did))

    # outside: what changed, and which new commands the queue has
    gone = {g for g in before if g not in after}
    read_only = {g for g in before if g in after and before[g][1] != after[g][1] and 'w' in before[g][1]}
    came = {g for g in after if g not in before}
    check('the guest was changed as asked', gone == {0x90, 0x91, 0x92, 0x93, 0x1010, 0x605} and
          read_only == set(range(0xa0, 0xa4)) and len(came) == 20, '%d gone, %d read-only, %d new' %
          (len(gone), len(read_only), len(came)))
    old, new = [queues.decode(i, kind, regs)[0] for i in images[:2]]
    fresh = [c for c in new if c not in old]
    told = {g for g in gone | read_only for _, what, d, dfn, n in fresh
            if what == 'iotlb' and d == did and (not n or dfn <= g < dfn + n)}
    check('the queue of the registers has a flush for each', told == gone | read_only, '%d new commands' % len(fresh))

    source = ['mem:' + c for c in cores]
    rc, data, err = emtctl('diff', *source[:2])
    flushes = [f for f in data.get('flushes', []) if f['domain'] == domain]
    of = lambda change: [f for f in flushes if f['change'] == change]
    check('diff judges it', rc == 1 and data['domains'][0]['flushes'] == 'judged', '%d groups; %s' % (len(flushes), err[:120]))
    for change, want in (('removed', gone), ('permissions', read_only)):
        groups = of(change)
        check('%s: the frames' % change, groups and set().union(*map(frames, groups)) == want,
              str([(f['first_gfn'], f['pages'], f['verdict']) for f in groups]))
        check('%s: a flush was seen in the queue' % change, groups and {f['evidence'] for f in groups} == {'seen'} and
              not any(f['finding'] for f in groups), str([f['evidence_text'] for f in groups][:1]))
    groups = of('new')
    check('new: mapped, and no flush is needed', groups and set().union(*map(frames, groups)) == came and
          {f['evidence'] for f in groups} == {'rule'}, str([f['verdict'] for f in groups]))
    rc, audit, _ = emtctl('iommu', 'audit', source[1])
    mine = [f for f in audit.get('findings', []) if f['domain'] == domain]
    check('iommu audit: devices reach what they should', rc == 0 and not mine, str(mine)[:160])
    reached = by_frame(walk(images[1], address, levels))
    check('and the outside walk agrees', all(reached.get(g, (None,))[0] == v[0] for g, v in after.items() if v[2] == 0) and
          not any(g in reached for g in gone), '%d frames' % len(reached))

    rc, data, err = emtctl('diff', *source[1:])
    flushes = [f for f in data.get('flushes', []) if f['domain'] == domain and f['change'] == 'removed']
    check('an entry taken out behind Xen\'s back', len(flushes) == 1 and frames(flushes[0]) == {hidden[0]}, str(flushes)[:160])
    f = flushes[0] if flushes else {}
    check('its flush is missing, and that is a finding', rc == 1 and f.get('finding') == 'flush-not-seen' and
          f.get('evidence') == 'not-seen', f.get('evidence_text', ''))
    rc, audit, _ = emtctl('iommu', 'audit', source[2])
    mine = [f for f in audit.get('findings', []) if f['domain'] == domain]
    check('and the device still reaches the page', rc == 1 and [(f['kind'], f['first_dfn']) for f in mine] ==
          [('iommu-stale', hidden[0])], str(mine)[:200])
    if all_passed() and not os.environ.get('LAB_KEEP'):
        for c in cores:
            os.unlink(c)
    return finish()


if __name__ == '__main__':
    lab.run(main)
