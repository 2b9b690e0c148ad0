#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: pv.py NAME
The p2m of a PV dom0, live and out of the machine's memory: device memory above RAM and
above 4 GiB is identity, what is ballooned out is missing, the M2P agrees, and an entry
that is taken away is found."""
import glob
import json
import os
import re
import struct
import subprocess
import sys

import lab
from check import all_passed, check, finish
from live import give_program

EMTCTL = os.path.join(lab.BUILD, 'emtctl')
IDENTITY = 1 << 62


class Machine(lab.Machine):
    """With a device whose BAR fits nowhere below 4 GiB."""

    def _args(self):
        return super()._args() + ['-device', 'pci-testdev,membar=8G']


def bars(text):
    """(device, BAR, first frame, last frame) of memory BARs."""
    found, device, n = [], '', 0
    for line in text.splitlines():
        words = line.split()
        if len(words) != 3:
            device, n = line, 0
            continue
        start, end, flags = (int(w, 16) for w in words)
        if flags & 0x200 and end > start and n < 7:
            found.append((device, n, start >> 12, end >> 12))
        n += 1
    return found


def at(runs, pfn):
    return next((r for r in runs if r['pfn'] <= pfn <= r['last_pfn']), None)


def pv(path, domid, *more):
    out = subprocess.run([EMTCTL, 'pv', 'mem:' + path, '--domain', str(domid), '--json', *more], stdout=subprocess.PIPE).stdout
    return json.loads(out)


def strip(runs):
    return [(r['pfn'], r['last_pfn'], r['kind'], r['mfn'], r['place'], r['finding']) for r in runs if not r['device']]


def module(name):
    """A kernel module of pv/, built for dom0's kernel."""
    out = os.path.join(lab.LAB, name + '.ko')
    release = os.path.basename(glob.glob(os.path.join(lab.LAB, 'x/boot/vmlinuz-*'))[0])[len('vmlinuz-'):]
    subprocess.run([os.path.join(lab.HERE, '..', 'module'), os.path.join(lab.LAB, 'headers'), release,
                    os.path.join(lab.HERE, '..', 'pv', name + '.c'), out], check=True)
    return out


def planted(text):
    """What setp2m.ko says that it did: {(pfn, finding)}."""
    want = {(int(p, 16), 'identity-on-ram') for p in re.findall(r'setp2m: identity (\S+)', text)}
    for pair in re.findall(r'setp2m: swapped (\S+) (\S+)', text):
        want |= {(int(p, 16), 'm2p-mismatch') for p in pair}
    return want


def findings(reply):
    """{(pfn, finding)}, one for each frame."""
    return {(p, r['finding']) for r in reply['data']['runs'] if r['finding'] != 'ok'
            for p in range(r['pfn'], min(r['last_pfn'], r['pfn'] + 999) + 1)}


def self_checks(folder, reply, err, text, devices, victim, said):
    """What the kernel itself says (p2m:self), and what the module took away."""
    if not check('p2m:self: read from the kernel, without a word about costs', bool(reply.get('self', {}).get('data')), err):
        return
    runs, dom = reply['self']['data']['runs'], reply['self']['data']['domains'][0]
    xen = reply['before']['data']
    check('p2m:self: complete, nothing assumed, nothing wrong', dom['complete'] and dom['findings'] == 0 and not dom['assumed'],
          str({k: dom[k] for k in ('frames', 'populated', 'missing', 'identity', 'foreign', 'findings', 'assumed')}))
    began, ended = (float(x) for x in open(os.path.join(folder, 'share/out/selftime.txt')).read().split())
    print('         %d frames in %.2f s of the emulated machine' % (dom['frames'], ended - began))
    check('the kernel covers more than Xen was told of', dom['frames'] > xen['domains'][0]['frames'] and
          dom['populated'] == xen['domains'][0]['populated'], '%d, %d' % (dom['frames'], xen['domains'][0]['frames']))
    bad = [d for d in devices if not at(runs, d[2]) or at(runs, d[2])['kind'] != 'identity' or not at(runs, d[2])['device']]
    check('p2m:self: each BAR is identity, and named', devices and not bad, str(bad))
    device = next((d for d in devices if d[2] <= victim <= d[3]), None)
    found = [r for r in reply['taken']['data']['runs'] if r['finding'] == 'identity-missing']
    check('a module took identity away from one pfn of a BAR above RAM: found, by the name of the device',
          device and len(found) == 1 and found[0]['pfn'] == found[0]['last_pfn'] == victim and
          found[0]['finding'] == 'identity-missing' and found[0]['severity'] == 'error' and
          found[0]['device'] == '%s BAR %d' % (device[0], device[1]) and reply['taken']['exit_status'] == 1,
          '%s, pfn 0x%x: %s' % (device, victim, found[:2]))
    check('and explained', device and '%s BAR %d' % device[:2] in ' '.join(text.split()) and 'will fault' in ' '.join(text.split()),
          ' '.join(text.split())[:300])
    seen = [r for r in reply['takenxen']['data']['runs'] if r['finding'] == 'identity-missing']
    check('the list that Xen sees shows it too, now that its page is its own', len(seen) == 1 and seen[0]['pfn'] == victim,
          str(seen[:2]))
    want = planted(said) | {(victim, 'identity-missing'), (0x150000, 'missing-in-hole')}
    check('all that it changed is found, and nothing else', len(want) == 5 and findings(reply['taken']) == want,
          '%s, %s' % (sorted(findings(reply['taken'])), sorted(want)))
    audit = reply['selfaudit']
    word = 'identity-missing, %s BAR %d' % device[:2] if device else '-'
    groups = {f['explanation'].split(':')[0] for f in audit['data']['findings']} if audit['data'] else set()
    check('audit p2m:self has the same findings, and names the device', audit['exit_status'] == 1 and
          sum(f['entries'] for f in audit['data']['findings']) == 5 and
          any(f['explanation'].startswith(word) for f in audit['data']['findings']), str(audit['error'] or groups))
    capture = os.path.join(folder, 'share/out/self.emt')
    out = subprocess.run([EMTCTL, 'audit', capture, '--json'], stdout=subprocess.PIPE).stdout
    here = json.loads(out)
    same = here['data'] and [(f['ranges'], f['explanation']) for f in here['data']['findings']] == [
        (f['ranges'], f['explanation']) for f in audit['data']['findings']]
    out = subprocess.run([EMTCTL, 'pv', capture, '--json'], stdout=subprocess.PIPE).stdout
    there = json.loads(out)
    check('a capture of it says the same on another machine', same and findings(there) == want and
          {r['device'] for r in there['data']['runs']} == {r['device'] for r in reply['taken']['data']['runs']},
          str(here['error'] or there['error'] or sorted(findings(there))))
    given = reply['given']['data']['domains'][0]
    check('identity again: nothing is wrong', given['findings'] == 0, str(given['findings']))


def main():
    name = sys.argv[1]
    lab.need_base()
    folder = os.path.join(lab.LAB, 'out', name)
    core = os.path.join(folder, 'core.elf')
    with Machine('vtd', folder, mem=lab.MIB['vtd']) as m:
        give_program(m, 'emtctl')
        m.give(module('setp2m'))
        m.start(lab.job('try.sh', 'pv.sh'))
        m.wait('DONE')
        m.stop_cpus()
        m.dump(core)
        text = {n: m.got('out/%s.out' % n) for n in ('unasked', 'before', 'domains', 'after', 'domainsafter', 'again', 'text',
                                                     'self', 'taken', 'explain', 'selfaudit', 'takenxen', 'given')}
        err = {n: m.got('out/%s.err' % n) for n in ('unasked', 'before', 'self')}
        victim, said = int(m.got('out/pfn.txt')), m.got('out/dmesg.txt')
        resources, iomem, uname = (m.got('out/%s.txt' % n) for n in ('resources', 'iomem', 'uname'))
    reply = {n: json.loads(t) for n, t in text.items() if t.startswith('{')}
    check('unasked it is refused with its cost', 'costs=yes' in err['unasked'], err['unasked'].split('\n')[0])
    if not check('live: it was read', bool(reply.get('before', {}).get('data')), err['before']):
        return finish()
    runs, dom = reply['before']['data']['runs'], reply['before']['data']['domains'][0]
    check('live: complete, and nothing is wrong', dom['complete'] and dom['findings'] == 0 and dom['list'] == 'linear',
          str({k: dom[k] for k in ('frames', 'populated', 'missing', 'identity', 'foreign', 'findings', 'unreadable')}))
    check('the kernel is the one that runs', dom['kernel'] == uname.strip() and dom['rules'] == '4.3 and later', dom['kernel'])
    devices = bars(resources)
    bad = [d for d in devices if not at(runs, d[2]) or at(runs, d[2])['kind'] != 'identity' or not at(runs, d[2])['device']]
    high = [d for d in devices if d[2] >= 1 << 20]
    check('each BAR is identity, and named', devices and not bad, '%d BARs, %s' % (len(devices), bad))
    # dom0's own list of its memory, made from the same map by other code
    ram = [(int(a, 16) >> 12, int(b, 16) >> 12) for a, b in re.findall(r'^([0-9a-f]+)-([0-9a-f]+) : System RAM', iomem, re.M)]
    top = max(b for _, b in ram)
    check('one lies above 4 GiB and above all RAM', high and all(d[2] > top for d in high) and
          any(at(runs, d[2])['place'] != 'ram' and d[0] in at(runs, d[2])['device'] for d in high), '%s, RAM to 0x%x' % (high, top))
    wrong = [(hex(a), hex(b)) for a, b in ram for p in (a + 1, (a + b) // 2) if at(runs, p) and at(runs, p)['place'] != 'ram']
    check('what the kernel calls RAM is RAM', ram and not wrong, str(wrong))
    # page 0 is RAM that the kernel keeps for itself
    hole = [int(a, 16) >> 12 for a in re.findall(r'^([0-9a-f]+)-[0-9a-f]+ : (?:Reserved|ACPI Tables)', iomem, re.M) if int(a, 16)]
    wrong = [hex(p) for p in hole if at(runs, p) and at(runs, p)['kind'] != 'identity']
    check('what it calls reserved is identity', hole and not wrong, '%d regions, %s' % (len(hole), wrong))

    self_checks(folder, reply, err['self'], text['explain'], devices, victim, said)

    def pages(which):
        d = next(d for d in reply[which]['data']['domains'] if d['domain'] == 0)
        return d['bytes'] // 4096

    before, after = pages('domains'), pages('domainsafter')
    later = reply['after']['data']['domains'][0]
    check('ballooned out is missing, page for page', dom['populated'] - later['populated'] == before - after > 1000 and
          later['missing'] - dom['missing'] == before - after,
          '%d, %d' % (before - after, dom['populated'] - later['populated']))
    check('and nothing is wrong with it', later['findings'] == 0 and later['complete'], str(later['findings']))
    again = reply['again']['data']['domains'][0]
    check('in again is populated again', again['populated'] > later['populated'] and again['findings'] == 0, str(again['populated']))

    image = pv(core, 0)
    there = image['data'] and image['data']['domains'][0]
    if not check('out of memory: found and read', there and there['complete'] and there['findings'] == 0,
                 str(image['error'] or there)):
        return finish()
    now, live = strip(image['data']['runs']), strip(reply['again']['data']['runs'])
    # the kernel went on for a moment: grants of the share come and go
    same = len(set(now) & set(live)) / max(len(now), 1)
    check('as it was live, but for what moved since', same > 0.9 or len(set(now) ^ set(live)) <= 8,
          '%d runs, %d differ' % (len(now), len(set(now) ^ set(live))))
    data = bytearray(open(core, 'rb').read())
    place = data.find(struct.pack('<QQQ', *(IDENTITY | p for p in (0xb8, 0xb9, 0xba))))
    check('the list holds the VGA window as identity', place > 0)
    data[place:place + 8] = b'\xff' * 8
    with open(core, 'r+b') as f:
        f.seek(place)
        f.write(b'\xff' * 8)
    reply = pv(core, 0, '--bar', '0xb8-0xbf')
    found = [r for r in reply['data']['runs'] if r['finding'] != 'ok']
    check('one entry taken away is found, by the name of the device', len(found) == 1 and found[0]['pfn'] == 0xb8 and
          found[0]['finding'] == 'identity-missing' and found[0]['device'] and reply['exit_status'] == 1,
          str(found[:2]))
    if all_passed() and not os.environ.get('LAB_KEEP'):
        os.unlink(core)
    return finish()


if __name__ == '__main__':
    lab.run(main)
