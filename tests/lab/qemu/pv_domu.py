#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: pv_domu.py NAME
The p2m of a Linux PV guest, read by dom0: as it is, ballooned out page for page, with
entries that a module made wrong in it, and the same out of the machine's memory."""
import json
import os
import re
import shutil
import subprocess
import sys

import lab
from check import all_passed, check, finish
from live import give_program
from pv import findings, module, planted, pv, strip

CONFIG = '''name = "pv1"
type = "pv"
kernel = "/h/vmlinux"
ramdisk = "/h/pv1.cpio"
extra = "console=hvc0 quiet rdinit=/init nokaslr cryptomgr.notests"
memory = 128
maxmem = 160
vcpus = 1
'''
INIT = '''#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
kb() { cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb; }
echo GUEST-UP $(kb)
cat /proc/iomem
while [ "$(kb)" -gt 100000 ]; do sleep 0.5; done
echo GUEST-OUT $(kb)
while [ "$(kb)" -lt 110000 ]; do sleep 0.5; done
insmod /setp2m.ko own=1
while :; do sleep 1000; done
'''


def initrd(folder, out):
    """busybox, the module, and an init that waits for the balloon."""
    shutil.rmtree(folder, ignore_errors=True)
    for d in ('bin', 'proc', 'sys', 'dev'):
        os.makedirs(os.path.join(folder, d))
    shutil.copy(os.path.join(lab.LAB, 'x/bin/busybox'), folder + '/bin')
    for applet in ('sh', 'mount', 'cat', 'sleep', 'insmod', '['):
        os.symlink('busybox', os.path.join(folder, 'bin', applet))
    shutil.copy(module('setp2m'), folder)
    with open(folder + '/init', 'w') as f:
        f.write(INIT)
    os.chmod(folder + '/init', 0o755)
    # what the kernel opens for process 1
    subprocess.run(['mknod', folder + '/dev/console', 'c', '5', '1'], check=True)
    names = subprocess.run(['find', '.'], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    with open(out, 'wb') as f:
        subprocess.run(['cpio', '-o', '-H', 'newc', '-R', '0:0', '--quiet'], cwd=folder, input=names, stdout=f, check=True)
    shutil.rmtree(folder)


def pages(reply, domid):
    return next(d for d in reply['data']['domains'] if d['domain'] == domid)['bytes'] // 4096


def main():
    name = sys.argv[1]
    lab.need_base()
    folder = os.path.join(lab.LAB, 'out', name)
    core = os.path.join(folder, 'core.elf')
    with lab.Machine('vtd', folder, mem=lab.MIB['vtd'], timeout=240) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'vmlinux'))
        initrd(os.path.join(folder, 'root'), os.path.join(m.share, 'pv1.cpio'))
        with open(os.path.join(m.share, 'pv1.cfg'), 'w') as f:
            f.write(CONFIG)
        m.start(lab.job('try.sh', 'pv-domu.sh'))
        m.wait('DONE', 220)
        m.stop_cpus()
        m.dump(core)
        names = ('domains', 'unasked', 'before', 'after', 'domainsafter', 'again', 'audit', 'captured', 'dom0')
        text = {n: m.got('out/%s.out' % n) for n in names}
        err = {n: m.got('out/%s.err' % n) for n in names}
        log = m.got('out/guest-pv1.log')
    reply = {n: json.loads(t) for n, t in text.items() if t.startswith('{')}
    check('unasked it is refused with its cost', 'costs=yes' in err['unasked'], err['unasked'].split('\n')[0])
    if not check('live: it was read', bool(reply.get('before', {}).get('data')), err['before']):
        return finish()
    dom, after, again = (reply[n]['data']['domains'][0] for n in ('before', 'after', 'again'))
    domid = dom['domain']
    counts = {k: dom[k] for k in ('frames', 'populated', 'missing', 'identity', 'foreign', 'findings', 'assumed')}
    check('a Linux PV guest: complete, nothing is wrong', dom['complete'] and dom['findings'] == 0 and dom['list'] == 'linear' and
          dom['name'] == 'pv1', str(counts))
    # Xen counts a page or two that are no part of the p2m (shared info is its own)
    xen = pages(reply['domains'], domid)
    check('populated is what Xen says that it has', 0 <= xen - dom['populated'] <= 4, '%d, Xen %d' % (dom['populated'], xen))
    ram = [(int(a, 16) >> 12, int(b, 16) >> 12) for a, b in re.findall(r'([0-9a-f]+)-([0-9a-f]+) : System RAM', log)]
    check('its own kernel says that it ends there', ram and max(b for _, b in ram) + 1 <= dom['frames'],
          '%s, %d frames' % ([(hex(a), hex(b)) for a, b in ram], dom['frames']))
    out = dom['populated'] - after['populated']
    check('ballooned out is missing, page for page', out == xen - pages(reply['domainsafter'], domid) > 4000 and
          after['missing'] + after['assumed'] - dom['missing'] - dom['assumed'] in (out, out - after['identity']) and
          after['findings'] == 0, '%d, %s' % (out, {k: after[k] for k in ('populated', 'missing', 'identity', 'findings')}))
    own = reply['dom0']['data'] and reply['dom0']['data']['domains'][0]
    check('dom0 has the guest\'s rings mapped: foreign, and nothing is wrong with that', own and own['foreign'] > 0 and
          own['findings'] == 0 and own['complete'], str(reply['dom0']['error'] or {k: own[k] for k in ('foreign', 'findings')}))
    want = planted(log)
    check('a module made three entries wrong: they are found, and nothing else', len(want) == 3 and
          findings(reply['again']) == want and reply['again']['exit_status'] == 1,
          '%s, %s' % (sorted(findings(reply['again'])), sorted(want)))
    audit, captured = reply['audit'], reply['captured']
    groups = [sorted((f['ranges'][0]['first_gfn'], f['verdict'], f['explanation'].split(':')[0]) for f in r['data']['findings'])
              if r['data'] else r['error'] for r in (audit, captured)]
    check('audit of the live guest has them: by the M2P a mismatch, by a map that is assumed suspect', audit['exit_status'] == 1 and
          {(v, w) for _, v, w in groups[0]} == {('mismatch', 'm2p-mismatch'), ('suspect', 'identity-on-ram')}, str(groups[0]))
    check('a capture of it says the same', groups[0] == groups[1], str(groups[1]))
    image = pv(core, domid, '--kernel', dom['kernel'])
    there = image['data'] and image['data']['domains'][0]
    if check('out of memory: found and read', there and there['complete'], str(image['error'] or there)):
        now, live = strip(image['data']['runs']), strip(reply['again']['data']['runs'])
        check('as it was live, wrong entries and all', findings(image) == want and len(set(now) ^ set(live)) <= 8,
              '%d runs, %d differ; %s' % (len(now), len(set(now) ^ set(live)), sorted(findings(image))))
    if all_passed() and not os.environ.get('LAB_KEEP'):
        os.unlink(core)
    return finish()


if __name__ == '__main__':
    lab.run(main)
