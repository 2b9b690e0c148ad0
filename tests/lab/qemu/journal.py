#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: journal.py vtd NAME
A domain's facts out of the journal of a real Xen's toolstack calls, against those that the
query payload reads in Xen's own structures; and over a restart of the journal's writer."""
import json
import os
import shutil
import sys

import lab
from check import check, finish
from live import give_program

LISTS = ('pins', 'iomem_caps', 'ioport_caps')


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=200) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.give(shutil.which('flock'))  # dom0's own shell has none
        m.start(lab.job('try.sh', 'pci.sh', 'journal.sh'))
        m.wait('DONE', 150)
        facts = {w: {f['fact']: f for f in json.loads(m.got('out/%s.json' % w))['data']['facts']}
                 for w in ('whole', 'payload', 'nobody', 'again')}
        ranges = lambda what, fact: [(r['first'], r['last'], r.get('tag')) for r in facts[what][fact]['ranges']]
        told = lambda what, fact: {k: facts[what][fact].get(k) for k in ('held', 'rest', 'value', 'since')}
        first = int(m.got('out/bar').strip(), 16) >> 12
        want = {'pins': [(0x200, 0x3ff, 1), (0x600, 0x7ff, 6)],
                'iomem_caps': [(first, first + 15, None), (first + 0x20, first + 0x23, None),
                               (first + 0x28, first + 0x2f, None)],
                'ioport_caps': [(0x300, 0x301, None), (0x304, 0x307, None)]}
        for fact in LISTS:
            bare = lambda what: [r[:2] for r in ranges(what, fact)]
            check('%s of the journal are what was done' % fact, bare('whole') == [w[:2] for w in want[fact]] and
                  (fact != 'pins' or ranges('whole', fact) == want[fact]), str(ranges('whole', fact)))
            check('%s: known, all others assumed absent' % fact, (told('whole', fact)['held'], told('whole', fact)['rest']) ==
                  ('known', 'assumed') and 'journal' in facts['whole'][fact]['origin'])
            check('%s of the payload are the same' % fact, bare('whole') == bare('payload') and
                  facts['payload'][fact]['origin'] == 'query payload', str(bare('payload')))
            check('%s, nobody watching: assumed, complete from now on only' % fact,
                  told('nobody', fact)['held'] == 'assumed' and {r['held'] for r in facts['nobody'][fact]['ranges']} == {'assumed'}
                  and told('nobody', fact)['since'] == facts['nobody'][fact]['time'], str(told('nobody', fact)))
            check('%s after a restart: assumed, from then on' % fact, told('again', fact)['held'] == 'assumed' and
                  bare('again') == bare('whole') and told('again', fact)['since'] > told('nobody', fact)['since'] and
                  told('again', fact)['rest'] == ('assumed' if fact == 'pins' else 'unknown'), str(told('again', fact)))
        check('the device', told('whole', 'pci_devices')['held'] == 'known' and told('whole', 'pci_devices')['value'] == '1',
              str(told('whole', 'pci_devices')))
        check('IOMMU tables: as the payload has it', told('whole', 'domain_iommu')['value'] ==
              told('payload', 'domain_iommu')['value'] == 'yes' and told('whole', 'domain_iommu')['held'] == 'known')
        # those set before pages were taken away are forgotten: of several only the first is told
        show = [json.loads(l) for l in m.got('out/show.ndjson').splitlines()]
        types = {r['gfn']: r['p2m_type'] for r in show if r['record'] == 'run' and 0x20 <= r['gfn'] < 0x30}
        check('types: assumed, as the entries are', ranges('whole', 'types') == [(0x24, 0x27, 3)] and
              told('whole', 'types')['held'] == 'assumed' and {types.get(g) for g in range(0x24, 0x28)} == {'ram_ro'},
              str(ranges('whole', 'types')))
        check('an I/O right was held', told('whole', 'caps_ever_held')['value'] == 'yes')
        watches = json.loads(m.got('out/events.json'))['data']['watches']
        check('the journal shows the watch that was cut off', [w['to'] for w in watches] == [None, None] and
              watches[0]['events'] > 10, '%d watches' % len(watches))
    return finish()


if __name__ == '__main__':
    lab.run(main)
