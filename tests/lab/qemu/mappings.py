#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: mappings.py vtd NAME
Frames of a guest that processes of a PV dom0 map: where Xen found them, by fentry, kprobe
and uprobe, against an outside walk of the machine's memory; `mappings` against the walk by
the query payload, before and after a frame moved."""
import json
import os
import sys

import lab
import tables
from check import check, finish
from live import give_program


def frames(lines):
    """gfn -> mfn of all mappings, and how many there were."""
    got, n = {}, 0
    for e in lines:
        if e['record'] == 'toolstack_event' and e['event'] == 'foreign-mapping':
            for i in range(e['count']):
                got[e['gfn'] + i] = e['mfn'] + i
            n += e['count']
    return got, n


def outside(machine, keys, domain):
    """gfn -> mfn of every present page."""
    leaves = tables.npt(tables.Image(machine.ram), tables.roots_of_key_v(machine.got(keys))[domain])
    return {l[0] + i: l[2] + i for l in leaves if l[3] != '---' for i in range(1 << l[1])}


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=400) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('try.sh', 'pci.sh', 'mappings.sh'))
        m.wait('MAPPED', 300)
        m.stop_cpus()
        ident = int(m.got('out/id'))
        walk = outside(m, 'keys/v.txt', ident)
        number = lambda what: int(m.got('out/' + what))
        reply = lambda what: json.loads(m.got('out/%s.json' % what))

        def lines(what):
            return [json.loads(l) for l in m.got('out/%s.ndjson' % what).splitlines()]

        for way in ('fentry', 'kprobe', 'uprobe'):
            all_lines = lines(way)
            watch = next((l for l in all_lines if l['record'] == 'watching'), None)
            if not check('%s: attached, and stopped when told' % way, number(way + '.rc') == 0 and watch and
                         watch['way'] == way, m.got('out/%s.err' % way).split('\n')[0]):
                continue
            rows = [[int(w) for w in l.split()] for l in m.got('out/%s.maps' % way).splitlines()]
            mapped = sum(r[0] - r[1] for r in rows)
            got, n = frames(all_lines)
            check('%s: each frame that was mapped is there' % way, n == mapped == watch['frames'] and
                  not watch['frames_lost'], '%d of %d in %d calls, %d could not be mapped' %
                  (n, mapped, len(rows), sum(r[1] for r in rows)))
            wrong = [g for g in got if walk.get(g) != got[g]]
            check('%s: each lies where the outside walk has it' % way, len(got) > 3700 and not wrong,
                  '%d frames, %s' % (len(got), ['%x' % g for g in wrong[:3]]))
            check('%s: who did it' % way, {e['command'] for e in all_lines if e.get('event') == 'foreign-mapping' and
                                           e['domain'] == ident} == {'labdom'})
            r = reply(way)['data']['domains'][0] if number(way + '.status') == 0 else {}
            check('%s: mappings agree with the walk by the payload' % way, r and r['agree'] == r['frames'] == len(got) and
                  r['mapped'] == n and not reply(way)['data']['differences'], str(r))
        got = {e['domain'] for e in lines('only') if e['record'] == 'toolstack_event'}
        check('one domain alone', got == {number('other')}, str(got))
        cost = {}
        for what in ('without', 'with'):
            count, _, ns = [int(w) for w in m.got('out/cost.' + what).split()]
            cost[what] = ns / (50 * count)
        print('  a mapped frame: %.0f ns, watched %.0f ns (emulated processor)' % (cost['without'], cost['with']))
        m.command('cont')
        m.say('go')
        m.wait('DONE', 120)
        m.stop_cpus()
        now = outside(m, 'keys/v2.txt', ident)
        d = reply('moved')['data']['differences']
        check('a frame that moved unseen is named, with both places', number('moved.status') == 1 and len(d) == 1 and
              (d[0]['gfn'], d[0]['count'], d[0]['seen_mfn'], d[0]['entry_mfn'], d[0]['command']) ==
              (0x210, 1, walk[0x210], now[0x210], 'labdom') and walk[0x210] != now[0x210], str(d))
        r = reply('seen')['data']['domains'][0]
        check('what moved in sight is left out', number('seen.status') == 0 and r['frames'] == r['agree'] == 599, str(r))
    return finish()


if __name__ == '__main__':
    lab.run(main)
