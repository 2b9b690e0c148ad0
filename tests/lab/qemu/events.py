#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: events.py vtd NAME
The toolstack of a real Xen, watched by fentry, kprobe and uprobe in turn while it does
the same: each way must see what was done, with its numbers, and lose nothing."""
import json
import os
import re
import sys

import lab
from check import check, finish
from live import give_program

# What labdom does to a guest "full" with a device: from its source.
PINS = [('pin', 0x10, 0x10, 0), ('pin', 0x200, 0x200, 1)]
TYPES = [('set-mem-type', 0x20, 4, 1), ('set-mem-type', 0x433, 1, 1), ('set-mem-type', 0x30, 2, 2)]


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=200) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('try.sh', 'pci.sh', 'events.sh'))
        m.wait('DONE', 150)
        seen = {}
        for way in ('fentry', 'kprobe', 'uprobe'):
            rc = int(m.got('out/%s.rc' % way))
            err = m.got('out/%s.err' % way).strip()
            lines = [json.loads(l) for l in m.got('out/%s.ndjson' % way).splitlines()]
            watch = next((l for l in lines if l['record'] == 'watching'), None)
            if not check('%s: attached, and stopped when told' % way, rc == 0 and watch and watch['way'] == way,
                         'status %d, %s' % (rc, err.split('\n')[0])):
                continue
            one, two = [int(w) for w in m.got('out/%s.ids' % way).split()]
            events = [l for l in lines if l['record'] == 'toolstack_event']
            mine = [e for e in events if e['domain'] == one]
            what = [e['event'] for e in mine]
            check('%s: %d calls, nothing lost' % (way, watch['calls']),
                  not watch['lost'] and not watch['unpaired'] and not watch['unreadable'] and
                  watch['events'] == len(events), '%d events, %d refused' % (len(events), watch['failed']))
            check('%s: the domain from its beginning to its end' % way,
                  what[:1] == ['create'] and what[-1:] == ['destroy'], '%d events of it' % len(what))
            got = [(e['event'], e['gfn'], e['count'], e['type']) for e in mine if e['event'] == 'pin']
            check('%s: pins' % way, got == PINS, str(got))
            got = [(e['event'], e['gfn'], e['count'], e['type']) for e in mine if e['event'] == 'set-mem-type']
            check('%s: types' % way, got == TYPES, str(got))
            got = [(e['event'], e['count'], e['on']) for e in mine if e['event'] in ('iomem-permission', 'memory-mapping')]
            check('%s: device memory' % way, got[:2] == [('iomem-permission', 16, True), ('memory-mapping', 16, True)],
                  str(got))
            got = [e['device'] for e in mine if e['event'] == 'assign-device']
            check('%s: the device' % way, len(got) == 1 and re.match(r'0000:00:0\d\.0$', got[0]), str(got))
            got = sum(e['count'] for e in mine if e['event'] == 'populate-physmap')
            check('%s: pages given' % way, got >= 256 + 600 + 6 * 512, '%d pages' % got)
            got = [e['event'] for e in events if e['domain'] == two and e['event'] == 'log-dirty']
            check('%s: log-dirty mode of the other domain' % way, got == ['log-dirty'], str(got))
            check('%s: who did it' % way, {e['command'] for e in mine} <= {'labdom', 'xl', 'xenstored', 'xenconsoled'},
                  str(sorted({e['command'] for e in mine})))
            seen[way] = [(e['event'], e['gfn'], e['mfn'], e['count'], e['type'], e['device'], e['on']) for e in mine
                         if e['command'] == 'labdom']
        strip = lambda ev: [(w, g, c, t, d, o) for w, g, _, c, t, d, o in ev]
        check('the three ways saw the same', len(seen) == 3 and strip(seen['fentry']) == strip(seen['kprobe']) ==
              strip(seen['uprobe']), ', '.join('%s %d' % (w, len(v)) for w, v in seen.items()))
    return finish()


if __name__ == '__main__':
    lab.run(main)
