#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: iommu.py NAME VERSION vtd|amdvi
Unmaps of a real Linux with a real IOMMU driver, each paired with its flush."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for d in ('qemu', 'bochs'):
    sys.path.insert(0, os.path.join(HERE, '..', d))
import lab  # noqa: E402
import amd  # noqa: E402
import vm  # noqa: E402
from check import check, finish  # noqa: E402

IOMMU = {'vtd': (['-device', 'intel-iommu,aw-bits=48'], 'intel_iommu=on iommu.strict=1 no_timer_check', 'intel'),
         'amdvi': (['-device', 'amd-iommu'], 'amd_iommu=on iommu.strict=1 no_timer_check', 'amd')}
FAULT = 0x10000000 >> 12  # of iommufault.c
STEP = 0x100000 >> 12


def main():
    name, version, kind = sys.argv[1:4]
    devices, words, driver = IOMMU[kind]
    folder = os.path.join(lab.LAB, 'out', name)
    vm.prepare(folder, version, 'guest.sh', 'iommu.sh')
    disk = os.path.join(folder, 'disk.img')
    with open(disk, 'wb') as f:
        f.truncate(16 << 20)
    files, marks = amd.boot(folder, version, append=words, mem=2048, devices=devices + [
        '-drive', 'if=none,id=disk,format=raw,file=' + disk,
        '-device', 'virtio-blk-pci,drive=disk,iommu_platform=on,disable-legacy=on'])
    if not vm.did_its_job(files, marks):
        return finish()
    vm.keep(folder, files)

    def reply(what):
        out = json.loads(files[what + '.out'])
        return int(files[what + '.rc']), out['data']['watch'], out['data']['unmaps']

    replies = [os.path.join(folder, what + '.json') for what in ('strict', 'lazy', 'fault')]
    for path in replies:
        with open(path, 'wb') as f:
            f.write(files[os.path.basename(path)[:-5] + '.out'])
    r = subprocess.run([os.path.join(HERE, '../../schema/check'), os.path.join(lab.BUILD, 'emtctl'), *replies],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check('replies are as their schema says', r.returncode == 0, r.stdout.decode().strip()[-200:])

    rc, w, unmaps = reply('strict')
    check('strict: by fentry, on the functions of %s' % driver, w['way'] == 'fentry' and
          any(f.startswith(driver) for f in w['functions']), ' '.join(w['functions']))
    check('strict: each unmap has its flush', rc == 0 and w['unmaps'] > 60 and w['flushed'] == w['unmaps'] - w['open'] and
          w['open'] < 2, '%(unmaps)d unmaps, %(flushed)d flushed, %(late)d late, %(missed)d missed' % w)
    check('strict: nothing lost, every domain seen', not w['lost'] and not w['unknown'] and not w['forgotten'],
          '%(lost)d lost, %(unknown)d unknown' % w)
    check('strict: the domain is of drivers', {u['domain_type'] for u in unmaps} == {'dma'},
          'half flushed within %d us, the longest %d us' % (w['median_ns'] // 1000, w['longest_ns'] // 1000))
    check('strict: flushes of ranges', w['flushes'] >= w['flushed'], '%(flushes)d, %(flushes_all)d of all' % w)

    rc, w, unmaps = reply('lazy')
    check('lazy: the mode was changed', files['type-lazy.out'].strip() == b'DMA-FQ',
          files['type-strict.out'].decode().strip() + ' to ' + files['type-lazy.out'].decode().strip())
    check('lazy: unmaps wait for their flush, which is told and no finding', rc == 0 and w['deferred'] > 30 and
          not w['late'] and not w['reused'], '%(unmaps)d unmaps, %(deferred)d deferred, %(flushed)d flushed in time, '
          'longest %(longest_ns)d ns' % w)
    check('lazy: each is listed', len(unmaps) == w['deferred'] + w['missed'] and
          {u['domain_type'] for u in unmaps} == {'dma-fq'}, '%d' % len(unmaps))
    check('lazy: flushes of whole domains', w['flushes_all'] > 0, '%(flushes_all)d' % w)
    check('text: lines, and the watch as a whole', b'deferred' in files['text.out'], files['text.out'].decode()[:160])

    rc, w, unmaps = reply('fault')
    mine = {}
    for u in unmaps:
        if u['domain_type'] == 'unmanaged' and u['frames'] == 4:
            mine.setdefault((u['dfn'] - FAULT) // STEP, []).append(u)
    status = {k: [u['status'] for u in v] for k, v in mine.items()}
    check('an unmap whose flush comes late', status.get(1) == ['late'] and mine[1][0]['after_ns'] > 15e6, str(status.get(1)))
    check('an unmap whose flush never comes', status.get(2) == ['missed'] and mine[2][0]['after_ns'] is None,
          str(status.get(2)))
    check('addresses given out again before the flush', status.get(3) == ['reused', 'flushed'], str(status.get(3)))
    check('and unmaps that are right', status.get(0) == ['flushed', 'flushed'], str(status.get(0)))
    check('which is a finding', rc == 1 and w['missed'] == 1 and w['reused'] == 1, 'status %d' % rc)
    rc, w, unmaps = reply('kprobe')
    status = [u['status'] for u in unmaps if u['domain_type'] == 'unmanaged']
    check('the same by kprobes', w['way'] == 'kprobe' and status == ['flushed', 'missed'] and rc == 1, str(status))
    rc, w, unmaps = reply('lost')
    check('lost events are counted for each CPU, and nothing is blamed for them', rc == 3 and w['lost'] > 0 and
          sum(c['lost'] for c in w['lost_by_cpu']) == w['lost'] and not w['missed'] and not w['reused'] and not w['late'],
          '%d of %d maps and unmaps: %s; %d unknown' % (w['lost'], w['maps'] + w['unmaps'], w['lost_by_cpu'], w['unknown']))
    rc, w, unmaps = reply('kvm')
    check("KVM's flushes are counted", w['kvm_flushes'] and 'kvm_flush_remote_tlbs' in w['functions'],
          '%s' % w['kvm_flushes'])
    return finish()


if __name__ == '__main__':
    lab.run(main)
