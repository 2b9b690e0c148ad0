#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: bench.py
"make bench BENCH=query": reading a guest's entries by the query payload and by key D, both of the
same guest in one boot of Xen on real EPT (Bochs). Prints figures as tests/bench does. The emulator's
clock counts instructions (IPS of them a second), so its times are counts: they compare the two
routes with each other; what a real processor takes is the group query-code."""
import json
import os
import re
import shutil
import subprocess
import sys

import job
import lab
import machine
from steps import HERE, Walk

LIMIT = 1200
IPS = int(re.search(r'ips=(\d+)', machine.CONFIG)[1])


def report(name, value, unit):
    print('bench: query_%s %s %s' % (name, '%.0f' % value if value >= 1000 else '%.3f' % value, unit), flush=True)


def missing():
    """What this machine lacks; None: it can run."""
    if not shutil.which('apt-get'):
        return 'Debian 12: the lab is made of its packages'
    if os.getuid() and not shutil.which('bochs-bin'):
        return 'the emulator: run it once as root, or install what tests/lab/bochs/packages names'
    return None


def main():
    lacks = missing()
    if lacks:
        sys.exit('bench: query needs %s' % lacks)
    folder = os.path.join(lab.LAB, 'out', 'bench')
    subprocess.run([os.path.join(HERE, 'packages')], check=True)
    lab.need_base()
    if lab.unknown_build():
        sys.exit('bench: query needs the Xen whose structure offsets are known')
    text = ''.join(open(os.path.join(HERE, n)).read() for n in ('steps.sh', 'bench.sh'))
    job.prepare(folder, text, [os.path.join(lab.LAB, 'bin', n) for n in ('labdom', 'keytime')], console='none')
    got, marks = job.run(folder, LIMIT)
    if not got or any(m.startswith('FAILED') for m in marks):
        sys.exit('bench: query: the machine came to %s' % (marks[-2:] or 'nothing'))
    for guest in ('pages', 'full'):
        rows = {m['what']: m for m in json.loads(got[guest + '.measure.out'])['data']['measures']}
        keys = [float(got['%s.key%d.out' % (guest, k)]) for k in (1, 2, 3)]
        lines = len(Walk(got[guest + '.ring'].decode('latin1')).lines)
        n, plain = rows['entries']['entries'], rows['entries']
        if lines != n:
            sys.exit('bench: query: key D shows %d entries of %d' % (lines, n))
        report(guest + '_count', n, 'entries')
        for what in ('entries', 'frames', 'pins', 'xen'):
            r = rows[what]
            report('%s_%s' % (guest, what), n / (r['total_us'] / 1e6), 'entries/s')
            report('%s_%s_worst_call' % (guest, what), r['worst_us'], 'us')
            report('%s_%s_instructions' % (guest, what), r['total_us'] * IPS / 1e6 / n, 'instructions/entry')
        report(guest + '_call_instructions', rows['nothing']['total_us'] * IPS / 1e6, 'instructions/hypercall')
        report(guest + '_key_d', n / (min(keys) / 1e6), 'entries/s')
        report(guest + '_key_d_worst_call', max(keys), 'us')
        report(guest + '_ratio', min(keys) / plain['total_us'], 'times as many entries/s as key D')
        report(guest + '_ratio_worst_call', max(keys) / plain['worst_us'], 'times shorter than key D')


if __name__ == '__main__':
    lab.run(main)
