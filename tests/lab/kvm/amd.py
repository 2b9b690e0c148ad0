#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: amd.py NAME VERSION
emtctl on a real KVM with AMD's nested paging, emulated by QEMU."""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for d in ('qemu', 'bochs'):
    sys.path.insert(0, os.path.join(HERE, '..', d))
import lab  # noqa: E402
import machine  # noqa: E402
import vm  # noqa: E402
from check import check, finish  # noqa: E402

LIMIT = 300


def boot(folder, version):
    """Files and marks of a machine with SVM that does its job and powers off."""
    com2 = os.path.join(folder, 'com2.log')
    subprocess.run([os.path.join(HERE, 'initrd'), lab.LAB, version, folder, os.path.join(folder, 'initrd')], check=True)
    args = ['qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg', '-cpu', lab.CPU, '-m', '1024', '-nodefaults',
            '-display', 'none', '-no-reboot', '-serial', 'file:' + os.path.join(folder, 'console.log'),
            '-serial', 'file:' + com2, '-device', 'e1000', '-device', 'VGA',
            '-kernel', os.path.join(lab.LAB, 'kvm', version, 'vmlinuz'), '-initrd', os.path.join(folder, 'initrd'),
            '-append', 'console=ttyS0,115200 rdinit=/init nokaslr mitigations=off panic=1']
    end = time.time() + LIMIT
    with open(os.path.join(folder, 'qemu.log'), 'wb') as log:
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while p.poll() is None and time.time() < end and 'LAB DONE' not in machine.read(com2):
            time.sleep(0.3)
    finally:
        p.kill()
        p.wait()
    return machine.results(machine.read(com2))


def main():
    name, version = sys.argv[1:3]
    folder = os.path.join(lab.LAB, 'out', name)
    vm.prepare(folder, version, 'guest.sh', 'amd.sh')
    files, marks = boot(folder, version)
    if not vm.did_its_job(files, marks):
        return finish()
    vm.keep(folder, files)
    m = json.loads(files['domains.out'])['data']['virtual_machines'][0]
    check('domains: one virtual machine on NPT', m['paging'] == 'npt', '%s, %s' % (m['command'], m['why']))
    return finish()


if __name__ == '__main__':
    lab.run(main)
