# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios with KVM share: the files of a machine, and what came back."""
import json
import os
import re
import shutil
import statistics
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


def ndjson(files, name):
    """(events, the watch's end) of `events --ndjson`."""
    lines = [json.loads(l) for l in files[name + '.out'].decode().splitlines()]
    ends = [l for l in lines if l['record'] == 'kvm_watching']
    return [l for l in lines if l['record'] == 'kvm_event'], ends[0] if ends else None


def check_events(files, paging):
    """What events.sh did to the guest is what `events` saw."""
    seen, end = ndjson(files, 'events')
    if not check('events: watched until it was stopped', end, files['events.err'].decode()[:200]):
        return
    kind = lambda what: [e for e in seen if e['event'] == what]
    check('events: memslots and DMA by fentry', end['way'] == 'fentry' and not end['lost'],
          '%(way)s; %(events)d events of %(changes)d changes, %(quiet)d quiet, %(lost)d lost' % end)
    slots = [(e['event'], e['gfn'], e['count']) for e in seen if e['event'].startswith('memslot')]
    check('events: a memslot added, then deleted', slots == [('memslot-add', 0x50000, 256),
          ('memslot-delete', 0x50000, 256)], str(slots))
    check('events: non-coherent DMA registered, and taken back',
          [e['event'] for e in seen if e['event'].startswith('noncoherent')] == ['noncoherent-on', 'noncoherent-off'])
    vm = json.loads(files['domains.out'])['data']['virtual_machines'][0]['pid']
    check('events: each names the virtual machine', all(e['vm'] == vm for e in seen if not e['event'] == 'unmap'),
          str(sorted(set((e['event'], e['vm']) for e in seen), key=str)))
    mapped = [e for e in kind('map') if e['order'] == 0]
    check('events: 512 pages and 256 pages that were touched',
          sum(e['count'] for e in mapped) == 768 and set(e['type'] for e in mapped) <= {'WB!' if paging == 'ept' else 'WB'},
          '; '.join(e['text'] for e in mapped))
    dropped = sum(e['count'] for e in kind('unmap') if e['gfn'] <= 0x500ff and e['last_gfn'] >= 0x50000)
    check('events: what the memslot held is dropped with it', dropped >= 256, '%d entries' % dropped)
    runs, end = ndjson(files, 'entries')
    near = [e for e in runs if e['event'] == 'map' and 0x21000 <= e['gfn'] < 0x21400]
    far = [e for e in runs if e['event'] == 'map' and 0x21800 <= e['gfn'] < 0x21a58]
    check('events --entries: 1,024 pages in order are few runs, 300 apart are as many', sum(e['count'] for e in near) == 1024 and
          len(near) < 100 and sum(e['count'] for e in far) == 300 and len(far) == 300 and not end['lost'],
          '%d runs of %d, %d of %d' % (len(near), sum(e['count'] for e in near), len(far), sum(e['count'] for e in far)))
    others, end = ndjson(files, 'others')
    check('events --domain: another virtual machine\'s changes are counted, not given',
          not [e for e in others if e['vm'] == vm] and end['others'] >= 64, '%(others)d' % end)


def check_paging(folder, files, uc='UC', wc='WC'):
    """The types that the guest's own page tables make, by slots of its PAT: UC, WC, WB."""
    d = json.loads(files['effective.out'])
    got = {}
    for r in d['data']['runs']:
        for va in range(int(r['va'], 16), int(r['last_va'], 16), 4096):
            got.setdefault((' or '.join(r['effective']), r['finding']), []).append(va >> 12)
    want = {(uc, 'ram-uc'): 0x60000, (wc, 'ram-wc'): 0x60010, ('WB', 'fine'): 0x60020}
    check('effective: UC, WC and WB as the guest maps its RAM, found and said',
          {k: sorted(v) for k, v in got.items()} == {k: list(range(v, v + 16)) for k, v in want.items()},
          str({k: len(v) for k, v in got.items()}) + files['effective.err'].decode()[:200])
    a = json.loads(files['alias.out'])
    seen = {}
    for x in a['data']['aliases']:
        key = ' and '.join(x['types'])
        seen[key] = seen.get(key, 0) + x['bytes'] // 4096
    check('alias: frames that are reached as UC and WB, WC and WB', seen == {uc + ' and WB': 16, wc + ' and WB': 16}, str(seen))
    e = json.loads(files['explain-va.out'])
    t = e['data']['translations'][0]
    check('explain --va: the guest\'s walk leads to the frame, as WC', t['gfn'] == 0x20010 and t['effective'] == [wc],
          '%(pat)s, %(effective)s' % t)
    # the same out of a capture with the guest's tables, here
    out = subprocess.run([os.path.join(lab.BUILD, 'emtctl'), 'effective', os.path.join(folder, 'tables.emt'), '--va',
                          '0x60000000-0x6002ffff', '--json'], stdout=subprocess.PIPE, check=False).stdout
    strip = lambda runs: [{k: v for k, v in r.items() if k not in ('verdict',)} for r in runs]
    check('effective: a capture with the guest\'s tables says the same', strip(json.loads(out)['data']['runs']) ==
          strip(d['data']['runs']))


def check_cost(files):
    """Print what the guest's work took alone, with audits, and with a watch: medians of three."""
    took = {}
    for line in files['cost.out'].decode().splitlines():
        words = line.split()
        took.setdefault(words[0], []).append(words[-1])
    audits = int(took['audits'].pop())
    ns = {k: statistics.median(map(int, v)) for k, v in took.items()}
    check('cost: measured', all(ns[k] > 0 for k in ('alone', 'audits', 'events', 'again')) and audits > 0)
    for k in ('audits', 'events', 'again'):
        print('  the guest\'s work alone %.1f ms; %s: %.1f ms (%+.1f %%)%s' %
              (ns['alone'] / 1e6, k, ns[k] / 1e6, 100 * (ns[k] / ns['alone'] - 1),
               ', %d audits' % audits if k == 'audits' else ''))
