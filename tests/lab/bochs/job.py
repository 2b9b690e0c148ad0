# SPDX-License-Identifier: GPL-2.0-or-later
"""What dom0 gets on Bochs, and what it gave back."""
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'qemu'))
import lab  # noqa: E402
import machine  # noqa: E402

TRIES = 2  # the emulator itself fails now and then


def prepare(folder, job, files, console='com1', programs=('emtctl',), xen=''):
    """Our programs and 'files' in folder/h, and the disc that runs 'job' (shell text); 'xen': more arguments of Xen."""
    h = os.path.join(folder, 'h')
    libs = os.path.join(h, 'emt', 'lib')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(libs)
    for name in programs:
        program = os.path.join(lab.BUILD, name)
        subprocess.run(['strip', '-o', os.path.join(h, 'emt', name), program], check=True)
        out = subprocess.run(['ldd', program], stdout=subprocess.PIPE, check=True).stdout.decode()
        for path in re.findall(r'=> (/\S+)', out):
            if not re.search(r'/libc\.so', path):
                subprocess.run(['strip', '--strip-unneeded', '-o', os.path.join(libs, os.path.basename(path)),
                                os.path.realpath(path)], check=True)
    for f in files:
        shutil.copy(f, h)
    path = os.path.join(folder, 'job')
    open(path, 'w').write(job)
    subprocess.run([os.path.join(HERE, 'iso'), lab.LAB, folder, path, console, xen], check=True)


def run(folder, limit):
    """Boot it, within 'limit' seconds; files by name, and the marks. The files come to lie in 'folder' too."""
    end = time.time() + limit
    for attempt in range(TRIES):
        files, marks = machine.run(folder, end - time.time())
        if files or time.time() > end - limit / 2:
            break
        print('  the machine came to: %s' % (marks[-1:] or 'nothing'), flush=True)
    for name, data in files.items():
        open(os.path.join(folder, name), 'wb').write(data)
    return files, marks
