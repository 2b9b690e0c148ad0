#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: amd.py NAME VERSION [PARAMETER-OF-KVM]
emtctl on a real KVM with AMD's nested paging, emulated by QEMU; with tdp_mmu=0 by KVM's
older MMU, whose roots only the vCPUs have."""
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


def boot(folder, version, devices=(), append='', mem=1024):
    """Files and marks of a machine with SVM that does its job and powers off."""
    com2 = os.path.join(folder, 'com2.log')
    subprocess.run([os.path.join(HERE, 'initrd'), lab.LAB, version, folder, os.path.join(folder, 'initrd')], check=True)
    args = ['qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', lab.CPU, '-m', str(mem), '-smp', '2', '-nodefaults',
            '-display', 'none', '-no-reboot', '-serial', 'file:' + os.path.join(folder, 'console.log'),
            '-serial', 'file:' + com2, '-device', 'e1000', '-device', 'VGA', *devices,
            '-kernel', os.path.join(lab.LAB, 'kvm', version, 'vmlinuz'), '-initrd', os.path.join(folder, 'initrd'),
            '-append', 'console=ttyS0,115200 rdinit=/init nokaslr mitigations=off panic=1 ' + append]
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


def entries(files):
    """What the guest touched is there, each page WB; device memory where its BAR is."""
    runs = [r for r in json.loads(files['show.out'])['data']['runs'] if r['entry'] == 'leaf' and r['mfn'] is not None]
    ram = vm.host_ram(files)
    bar = int(next(l for l in files['pci.out'].decode().splitlines() if ' 0x020000 ' in l).split()[2], 16) >> 12
    have = {}
    for r in runs:
        for i in range(1 << r['order']):
            have[r['gfn'] + i] = r['mfn'] + i
    touched = set(range(2, 66)) | set(range(0x100, 0x108)) | set(range(0x20000, 0x20800)) | set(
        0x10000 + 0x200 * i for i in range(4))
    missing = touched - set(have)
    check('every page that the guest touched has an entry', not missing, '%d pages, %d leaves, missing %s' %
          (len(touched), len(runs), sorted(map(hex, missing))[:3]))
    wrong = [hex(g) for g in touched if g in have and not any(a <= have[g] <= b for a, b in ram)]
    check('they lead to RAM of the host, each to a frame of its own',
          not wrong and len(set(have[g] for g in touched if g in have)) == len(touched), str(wrong[:3]))
    check('the device page leads to the device', [have.get(0xe0000 + i) for i in range(4)] == [bar + i for i in range(4)],
          hex(have.get(0xe0000, 0)))
    check('every entry is WB without ipat', all((r['emt'], r['ipat']) == ('WB', False) for r in runs), '%d' % len(runs))
    d = json.loads(files['audit.out'])
    seen = {v['verdict']: v['entries'] for v in d['data']['domains'][0]['verdicts']}
    check('audit: each is what KVM writes on AMD', d['exit_status'] == 0 and seen.get('ok') == len(runs) and
          set(seen) <= {'ok', 'not-present'}, str(seen))


def main():
    name, version = sys.argv[1:3]
    parameter = sys.argv[3] if len(sys.argv) > 3 else ''
    folder = os.path.join(lab.LAB, 'out', name)
    more = () if parameter else ('events.sh', 'cost.sh', 'paging.sh', 'caps.sh')
    vm.prepare(folder, version, 'guest.sh', 'amd.sh', *more, 'end.sh')
    files, marks = boot(folder, version, append='lab.kvm=' + parameter)
    if not vm.did_its_job(files, marks):
        return finish()
    vm.keep(folder, files)
    m = json.loads(files['domains.out'])['data']['virtual_machines'][0]
    check('domains: one virtual machine on NPT, read through BPF', m['paging'] == 'npt' and m['route'] == 'bpf',
          '%s, %s' % (m['command'], m['why']))
    way = [w for w in json.loads(files['doctor.out'])['data']['ways'] if w['source'] == 'kvm'][0]
    check('doctor: NPT can be read, and what is not in it', way['works'] == 'yes' and 'NPT' in way['why'] and
          'PAT' in way['why'], way['why'])
    entries(files)
    watch = json.loads(files['watch.out'])['data']['kvm_watches'][0]
    if parameter:
        check('events: that entries are not seen is said', 'kvm.tdp_mmu is off' in watch['fallback'], watch['fallback'])
        return finish()
    check('events: everything is seen', watch['way'] == 'fentry' and not watch['fallback'])
    vm.check_events(files, 'npt')
    vm.check_paging(folder, files, 'CD', 'WC+')  # as AMD calls them
    vm.check_caps(files)
    vm.check_cost(files, 2)
    return finish()


if __name__ == '__main__':
    lab.run(main)
