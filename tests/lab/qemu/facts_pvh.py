#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: facts_pvh.py amdvi NAME
A PVH dom0 on a real Xen: what emtctl, run in it, says of it and of its guest; and its
entries, read from the machine's memory, against a walk from outside."""
import json
import os
import re
import sys

import lab
import ours
import tables
from check import check, finish
from live import give_program


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    folder = os.path.join(lab.LAB, 'out', name)
    core = os.path.join(folder, 'core.elf')
    with lab.Machine(kind, folder, mem=lab.MIB[kind], xen='dom0=pvh') as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.start(lab.job('try.sh', 'facts-pvh.sh'))
        m.wait('BUILT')
        m.stop_cpus()
        m.dump(core)

        def result(what):
            out = m.got('out/%s.out' % what)
            reply = json.loads(out) if out.startswith('{') else {}
            facts = {f['fact']: f for f in (reply.get('data') or {}).get('facts', [])}
            return int(m.got('out/%s.rc' % what)), reply, facts

        rc, reply, facts = result('domains')
        listed = {d['domain']: d for d in (reply.get('data') or {}).get('domains', [])}
        check('dom0 is PVH, on NPT', rc == 0 and listed.get(0, {}).get('type') == 'pvh' and
              listed[0].get('paging') == 'npt', str(listed.get(0)))
        rc, reply, facts = result('facts-dom0')
        value = lambda what: facts.get(what, {}).get('value')
        held = lambda what: facts.get(what, {}).get('held')
        check('its facts', rc == 0 and value('paging') == 'npt' and value('iommu_enabled') == 'yes', str(value('paging')))
        rc, reply, facts = result('facts-dom0-costs')
        check('its own registers: Xen refuses, and they stay unknown', rc == 0 and held('vcpu_mtrr') == 'unknown',
              str(held('vcpu_mtrr')))
        rc = int(m.got('out/audit-dom0.rc'))
        check('no audit without EPT, and why', rc == 2 and 'npt' in m.got('out/audit-dom0.err'),
              m.got('out/audit-dom0.err').strip().split('\n')[0])
        check('doctor knows this dom0', 'dom0 of Xen 4.17' in m.got('out/doctor.out'),
              m.got('out/doctor.out').strip().split('\n')[-1])
        guest = m.got('out/id.out').strip()
        if guest != 'none':
            rc, reply, facts = result('facts')
            text = m.got('out/hvmctx.out')
            pat = re.search(r'PAT 0x([0-9a-f]+)', text)
            check('registers of its guest', rc == 0 and held('vcpu_mtrr') == 'known' and
                  (not pat or pat.group(1) in str(facts['vcpu_pat'])), str(held('vcpu_mtrr')))
        else:
            print('  labdom: ' + m.got('out/labdom.err').strip())
        roots = tables.roots_of_key_v(m.got('out/keys.txt'))
    image = tables.Image(core)
    nested = {d: tables.npt(image, root) for d, root in roots.items()}
    check('key v shows the root of dom0', 0 in nested and len(nested.get(0, [])) > 100,
          str({d: len(v) for d, v in nested.items()}))
    ours.compare_nested('mem:' + core, nested)
    if not os.environ.get('LAB_KEEP'):
        os.unlink(core)
    return finish()


if __name__ == '__main__':
    lab.run(main)
