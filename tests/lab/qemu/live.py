#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: live.py vtd|amdvi NAME
emtctl, as built, run in the dom0 of a real Xen on NPT: it starts there, reads
the live console text, judges a capture as it does here, and refuses what has no
memory types."""
import json
import os
import re
import subprocess
import sys

import lab
from check import check, finish

EMTCTL = os.path.join(lab.BUILD, 'emtctl')
DATA = os.path.join(lab.TOP, 'tests/data/captures/raw')
SAMPLE = os.path.join(lab.TOP, 'tests/data/captures/situations/B-mmio/D05-revoked-touched.emt')


def give_program(machine, name):
    """A program of ours and every library it names; the base has none of its own."""
    program = os.path.join(lab.BUILD, name)
    machine.give(program, 'emt/' + name)
    out = subprocess.run(['ldd', program], stdout=subprocess.PIPE, check=True).stdout.decode()
    for path in re.findall(r'=> (/\S+)', out):
        if not re.search(r'/libc\.so', path):
            machine.give(path, 'emt/lib/' + os.path.basename(path))


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind]) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        m.give(SAMPLE, 'emt/sample.emt')
        m.give(os.path.join(DATA, '01-built.D.txt'), 'emt/D.txt')
        open(os.path.join(m.share, 'emt/npt.json'), 'w').write('{"paging":"npt"}\n')
        m.start(lab.job('try.sh', 'pci.sh', 'live.sh'))
        m.wait('DONE')

        def result(what):
            return int(m.got('out/%s.rc' % what)), m.got('out/%s.out' % what), m.got('out/%s.err' % what)

        rc, out, err = result('version')
        check('version runs in dom0', rc == 0 and out.startswith('emtctl '),
              out.split('\n')[0] or err.strip())
        has_xen = '+xen' in out

        text = m.got('live.txt')
        tables = len(re.findall(r' dfn: ', text))
        check('the live text holds an IOMMU table', tables > 1000, '%d lines' % tables)
        rc, out, err = result('import-live')
        check('import of a text without key D: says so and what was found',
              rc == 2 and 'no EPT dump' in err and 'IOMMU tables (key o)' in err, err.split('\n')[0])
        rc, out, err = result('import-npt')
        check('import with a dump beside the live text', rc == 0, (out + err).split('\n')[0])
        rc, out, err = result('audit-npt')
        check('audit refuses NPT', rc == 2 and not out and 'npt' in err.lower(), err.split('\n')[0])
        rc, out, err = result('audit-live')
        wanted = 'npt' in err.lower() if has_xen else 'reads no live Xen' in err
        check('audit of the live domain refuses' + ('' if has_xen else ' (this build has no live source)'),
              rc == 2 and not out and wanted, err.split('\n')[0])

        here = subprocess.run([EMTCTL, 'audit', '--ndjson', SAMPLE], stdout=subprocess.PIPE, check=False)
        names = ('time', 'tool', 'source', 'hint')  # differ with the file's name
        strip = lambda s: [{k: v for k, v in json.loads(line).items() if k not in names}
                           for line in s.splitlines()]
        rc, out, err = result('audit-file')
        same = rc == here.returncode and strip(out) == strip(here.stdout.decode())
        check('audit of a capture: the same in dom0 as here', same,
              '%d lines, status %d' % (out.count('\n'), rc))
        if os.path.exists(os.path.join(m.share, 'out/doctor.rc')):
            rc, out, err = result('doctor')
            check('doctor sees the dom0 of this Xen', rc == 0 and re.search(r'dom0 of Xen 4\.17', out),
                  (out or err).strip().split('\n')[-1])
    return finish()


if __name__ == '__main__':
    lab.run(main)
