#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: emtd.py vtd|amdvi NAME
emtd in the dom0 of a real Xen: through it every command says what it says directly, a
user without rights gets what is free, and it leaves nothing behind."""
import os
import re
import sys

import lab
from check import check, finish
from live import give_program


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind]) as m:
        give_program(m, 'emtctl')
        give_program(m, 'emtd')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('try.sh', 'emtd.sh'))
        m.wait('DONE')

        def result(what):
            return int(m.got('out/%s.rc' % what)), m.got('out/%s.out' % what), m.got('out/%s.err' % what)

        log = m.got('out/emtd.log')
        status = dict(re.findall(r'^(\w+):\t(\S+)', result('status')[1], re.M))
        check('emtd runs without a capability',
              all(int(status.get('Cap' + s, '1'), 16) == 0 for s in ('Eff', 'Prm', 'Bnd')), str(status))
        for n in range(1, int(m.got('out/words.out')) + 1):
            through, direct = result('through-%d' % n), result('direct-%d' % n)
            check('%d: the same through emtd' % n, through == direct and (through[1] or through[2]),
                  '%d: %s' % (through[0], (through[1] or through[2]).strip().split('\n')[0]))
        rc, out, err = result('through-1')
        check('it is this Xen that answers', rc == 0 and 'pv' in out and 'pvh' in out.lower() + 'hvm', out.split('\n')[0])
        asked = len(re.findall(r'client \d+: (?:facts|domains|show|audit|bars)', log))
        check('emtd was asked, and logs who', asked >= 9 and 'uid 65534' in log, '%d requests' % asked)

        rc, out, err = result('nobody-direct')
        check('a user without rights cannot ask Xen', rc == 2 and not out, err.strip().split('\n')[0])
        rc, out, err = result('nobody-domains')
        check('but emtd: domains', rc == 0 and out == result('through-1')[1], (err or out).strip().split('\n')[0])
        rc, out, err = result('nobody-facts')
        check('and facts', rc == 0 and out == result('through-2')[1], (err or out).strip().split('\n')[0])
        rc, out, err = result('nobody-costs')
        check('and nothing that costs', rc == 2 and not out and 'cost' in err, err.strip().split('\n')[0])

        out, err = m.got('out/churn.out'), m.got('out/churn.err')
        ends = re.findall(r'^status (\d+)', out, re.M)
        check('a domain that vanishes: answered, then an error', len(ends) == 5 and set(ends) <= {'0', '2'} and
              ends[-1] == '2' and 'domains failed' not in out and 'no such domain' in err, ' '.join(ends))
        check('descriptors are given back', int(m.got('out/fds.out')) < 20, m.got('out/fds.out').strip())
        check('it leaves cleanly', m.got('out/emtd.rc').strip() == '0' and not m.got('out/left.out').strip(),
              m.got('out/emtd.rc').strip())
    return finish()


if __name__ == '__main__':
    lab.run(main)
