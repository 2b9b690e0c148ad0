#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: churn.py NAME
The query payload is loaded, asked and unloaded again and again in a stock Xen while clients
ask and domains come and go. Xen's text is read from outside the machine: loading changes the
first bytes of one function, unloading puts them back. LAB_CYCLES: how often (default 50)."""
import json
import os
import sys

import lab
from check import check, check_complaints, finish
from live import give_program

JUMP = 5  # bytes of a near jump


def texts(ram):
    """Xen's text, wherever a copy of the image lies in the machine's memory: {address: bytes}."""
    image = open(os.path.join(lab.LAB, 'xen'), 'rb').read()
    note = b'\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0' + bytes.fromhex(lab.build_id())
    head = 0x80  # of the ELF header
    before = image.index(note) - head  # the note stands behind the text
    found, at = {}, -1
    with open(ram, 'rb') as f:
        memory = f.read()
    while (at := memory.find(note, at + 1)) >= 0:
        # a copy begins as the image does: the jump to its entry
        if at >= before and memory[at - before:at - before + 16] == image[head:head + 16]:
            found[at - before] = memory[at - before:at]
    return found


def changed(a, b):
    """{address: (first, last) byte that differs} of two such."""
    out = {}
    for base in a:
        where = [i for i, (x, y) in enumerate(zip(a[base], b.get(base, b''))) if x != y]
        if where or base not in b:
            out[base] = (where[0], where[-1]) if where else None
    return out


def main():
    name, cycles = sys.argv[1], int(os.environ.get('LAB_CYCLES', '50'))
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    limit = 300 + 6 * cycles
    with lab.Machine('vtd', os.path.join(lab.LAB, 'out', name), mem=lab.MIB['vtd'], timeout=limit) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        open(os.path.join(m.share, 'cycles'), 'w').write('%d\n' % cycles)
        m.start(lab.job('try.sh', 'churn.sh'))

        def look(mark, timeout):
            m.wait(mark, timeout)
            m.stop_cpus()
            found = texts(m.ram)
            m.command('cont')
            m.say('go')
            return found

        before, loaded = look('BEFORE', 120), look('LOADED', 60)
        there = changed(before, loaded)
        check('loaded, one jump stands in Xen\'s text and nothing else changed',
              len(there) == 1 and all(w and w[1] - w[0] < JUMP for w in there.values()),
              '%d copies of %d bytes, changed: %s' % (len(before), len(next(iter(before.values()), b'')), there))
        while True:
            words = m.wait('CYCLES', 60 + 25 * 12).split()
            done = int(words[0])
            if done % 250 == 0:
                print('  %d cycles, %s s of the machine' % (done, words[1]), flush=True)
            if done >= cycles:
                break
        after = look('AFTER', 60)
        check('unloaded, it is as before, to the byte', after == before and before, str(changed(before, after)))
        m.wait('DONE', 60)

        good, bad = map(int, m.got('out/cycles').split())
        began, ended = map(float, m.got('out/uptime').split())
        check('load, query, unload', good >= cycles and not bad, '%d cycles in %.0f s of the machine' %
              (good, ended - began))
        for n in (1, 2):
            whole, refused, strange = map(int, m.got('out/client%d' % n).split())
            check('client %d: every answer whole, or refused with the reason' % n,
                  whole and refused and not strange, '%d whole (%d entries), %d refused' %
                  (whole, int(m.got('out/reference')), refused))
        came, asked, strange = map(int, m.got('out/churned').split())
        check('domains came and went meanwhile', came > good // 25 and not strange,
              '%d, %d of them told their entries while being destroyed' % (came, asked))
        said = m.got('out/strange.txt')
        check('nothing else was said', not said, said[:300])
        free = [int(x) for x in m.got('out/free').split()]
        check('Xen has the memory it had', free[1] >= free[0] - 1, '%d and %d MiB free' % tuple(free))
        check('no domain is left over', len(m.got('out/list').splitlines()) == 3)
        check('nothing is loaded', json.loads(m.got('out/end.out'))['data']['state']['payload'] == 'absent')
        check_complaints(m.got('xen.txt') + open(os.path.join(m.folder, 'console.log'), encoding='latin1').read())
    return finish()


if __name__ == '__main__':
    lab.run(main)
