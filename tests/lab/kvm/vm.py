# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios with KVM share: the files of a machine, and what came back."""
import os
import re
import shutil
import subprocess

import lab
from check import check

HERE = os.path.dirname(os.path.abspath(__file__))


def prepare(folder, version, *jobs):
    """folder/h and folder/job: emtctl and the guest with their libraries; the jobs, joined."""
    subprocess.run([os.path.join(HERE, 'packages'), lab.LAB, version], check=True)
    h = os.path.join(folder, 'h')
    libs = os.path.join(h, 'emt', 'lib')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(libs)
    for name, to in (('emtctl', 'emt/emtctl'), ('tests/tools/kvmguest', 'kvmguest')):
        path = os.path.join(lab.BUILD, name)
        subprocess.run(['strip', '-o', os.path.join(h, to), path], check=True)
        out = subprocess.run(['ldd', path], stdout=subprocess.PIPE, check=True).stdout.decode()
        for lib in re.findall(r'=> (/\S+)', out):
            subprocess.run(['strip', '--strip-unneeded', '-o', os.path.join(libs, os.path.basename(lib)),
                            os.path.realpath(lib)], check=True)
    with open(os.path.join(folder, 'job'), 'w') as job:
        for name in jobs:
            job.write(open(os.path.join(HERE, name)).read())


def did_its_job(files, marks):
    return check('the machine did its job', files and not any(m.startswith('FAILED') for m in marks), str(marks[-3:]))


def keep(folder, files):
    """Keep what came back, and check that the guest did all steps."""
    for n, data in files.items():
        open(os.path.join(folder, n), 'wb').write(data)
    failed = [l for l in files['steps.out'].decode().splitlines() if 'OK' not in l]
    check('the guest did what it was told', not failed, '; '.join(failed[:4]))


def host_ram(files):
    """(first, last) frames of the host's RAM."""
    return [(int(a, 16) >> 12, int(b, 16) >> 12) for a, b in
            re.findall(r'^([0-9a-f]+)-([0-9a-f]+) : System RAM', files['iomem.out'].decode(), re.M)]
