#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: rate.py vtd NAME
Calls to a real Xen as fast as a toolstack can make them, watched by fentry, kprobe and
uprobe: each is in the journal, or counted as lost, also of a burst that nobody reads
meanwhile. Prints what a call takes, watched and not. LAB_CALLS: how many (default 30000)."""
import json
import os
import sys

import lab
from check import check, finish
from live import give_program


BURST = 20000  # the ring holds 26,000


def main():
    kind, name = sys.argv[1:3]
    calls = int(os.environ.get('LAB_CALLS', '30000'))
    lab.need_base()
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=300 + calls // 100) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        open(os.path.join(m.share, 'calls'), 'w').write('%d\n' % calls)
        m.start(lab.job('try.sh', 'rate.sh'))
        m.wait('DONE', 280 + calls // 100)
        ns = lambda way: int(m.got('out/%s.ns' % way).split()[1])
        bare = min(ns('none'), ns('none2'))
        print('  not watched: %d ns a call, %d calls a second' % (bare, 1e9 / bare))
        for way in ('fentry', 'kprobe', 'uprobe'):
            watch = json.loads(m.got('out/%s.watching' % way) or '{}')
            pins, rc = int(m.got('out/%s.pins' % way)), int(m.got('out/%s.rc' % way))
            lost = watch['lost'] + watch['unpaired'] + watch['unreadable']
            check('%s: %d calls, each in the journal or counted as lost' % (way, calls + BURST),
                  watch['way'] == way and pins + lost >= calls + BURST and pins <= calls + BURST and
                  watch['events'] + watch['failed'] + lost == watch['calls'], '%d there, %d lost' % (pins, lost))
            check('%s: what was lost is said' % way, rc == (3 if lost else 0), 'status %d' % rc)
            print('  %s: %d ns a call, %d calls a second, by one processor for caller and reader' %
                  (way, ns(way), 1e9 / ns(way)))
            burst = int(m.got('out/%s.burst' % way).split()[1])
            print('  %s: a burst: %d ns a call, %d calls a second: %d ns more than not watched' %
                  (way, burst, 1e9 / burst, burst - bare))
    return finish()


if __name__ == '__main__':
    lab.run(main)
