#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: flush.py vtd|amdvi NAME
A guest with a device on a real Xen is changed between two walks that the query payload
read: what observe --since and emtd make of it by the flush rules."""
import json
import os
import sys

import lab
from check import check, finish
from live import give_program

GONE = {0x90, 0x91, 0x92, 0x93, 0x605, 0x1010}  # what `labdom change` takes out
READ_ONLY = set(range(0xa0, 0xa4))


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=200) as m:
        give_program(m, 'emtctl')
        give_program(m, 'emtd')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('try.sh', 'pci.sh', 'flush.sh'))
        m.wait('DONE', 180)

        def result(what):
            out = m.got('out/%s.out' % what)
            return int(m.got('out/%s.rc' % what)), json.loads(out)['data'] if out.startswith('{') else out, \
                m.got('out/%s.err' % what)

        check('the payload is loaded', result('load')[0] == 0)
        rc, _, err = result('alone')
        check('NPT entries carry no types: alone there is nothing to judge', rc == 2 and 'memory type' in err, err.strip()[:100])
        rc, first, err = result('first')
        d = (first or {'domains': [{}]})['domains'][0]
        check('with a file its walk is kept', rc == 0 and d.get('paging') == 'npt' and d['complete'] and d['entries'] > 100 and
              'from the next time on' in err, '%s entries' % d.get('entries'))
        rc, second, _ = result('second')
        check('after the change: 4.17.7 misses no flush', rc == 0 and second['findings'] == [] and
              second['domains'][0]['entries'] != d['entries'], '%d entries' % second['domains'][0]['entries'])
        rc, diff, _ = result('diff')
        groups = {c: [f for f in diff['flushes'] if f['change'] == c] for c in ('removed', 'permissions', 'new')}
        frames = {c: {g for f in v for r in f['ranges'] for g in range(r['first_gfn'], r['last_gfn'] + 1)}
                  for c, v in groups.items()}
        check('of the two kept walks each change is judged', diff['domains'][0]['flushes'] == 'judged' and
              frames['removed'] == GONE and frames['permissions'] == READ_ONLY and len(frames['new']) == 20,
              str({c: len(v) for c, v in frames.items()}))
        check('by the rule, which misses none', {f['finding'] for v in groups.values() for f in v} == {None} and
              {f['verdict'] for f in groups['removed'] + groups['permissions']} == {'ok'})
        check('emtd audits it too, and keeps its walk', result('complete')[0] == 0 and 'walk-' in m.got('out/walks.before'),
              m.got('out/walks.before').strip().split('\n')[-1])
        rc, _, err = result('later')
        log = m.got('out/emtd.log')
        check('and goes on after the change', rc == 0 and 'failed' not in log, (err or log).strip().split('\n')[-1])
        told = [json.loads(line) for line in m.got('out/watch.out').splitlines()]
        check('and has nothing to tell', not [o for o in told if o.get('kind') == 'flush-missed'], '%d records' % len(told))
        check('unloaded', result('unload')[0] == 0)
    return finish()


if __name__ == '__main__':
    lab.run(main)
