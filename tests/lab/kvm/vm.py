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
    for name, to in (('emtctl', 'emt/emtctl'), ('tests/tools/kvmguest', 'kvmguest'),
                     ('/usr/bin/setpriv', 'emt/emtctl-setpriv')):
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
    ends = [l for l in lines if l['record'] == 'kvm_watching' and l['to']]
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
    facts = {f['fact']: f for f in json.loads(files['facts-journal.out'])['data']['facts']}
    check('facts: by the journal non-coherent DMA was registered once, though it is not now',
          facts['noncoherent_dma']['value'] == 'no' and facts['noncoherent_ever']['value'] == 'yes' and
          facts['noncoherent_ever']['held'] == 'known', facts['noncoherent_ever']['origin'])
    runs, end = ndjson(files, 'entries')
    near = [e for e in runs if e['event'] == 'map' and 0x21000 <= e['gfn'] < 0x21400]
    far = [e for e in runs if e['event'] == 'map' and 0x21800 <= e['gfn'] < 0x21a58]
    check('events --entries: 1,024 pages in order are few runs, 300 apart are as many', sum(e['count'] for e in near) == 1024 and
          len(near) < 100 and sum(e['count'] for e in far) == 300 and len(far) == 300 and not end['lost'],
          '%d runs of %d, %d of %d' % (len(near), sum(e['count'] for e in near), len(far), sum(e['count'] for e in far)))
    others, end = ndjson(files, 'others')
    check('events --domain: another virtual machine\'s changes are counted, not given',
          not [e for e in others if e['vm'] == vm] and end['others'] >= 64, '%(others)d' % end)


def check_paging(folder, files, uc='UC', wc='WC', coherent='mapped'):
    """The types that the guest's own page tables make, by slots of its PAT: UC, WC, WB."""
    mapped = {(uc, 'ram-uc'): 0x60000, (wc, 'ram-wc'): 0x60010, ('WB', 'fine'): 0x60020}
    mapped = {k: list(range(v, v + 16)) for k, v in mapped.items()}
    plain = {('WB', 'fine'): list(range(0x60000, 0x60030))}
    for name, text, want in (
            ('effective-coherent', {
                'ipat': 'all WB, for ipat hides what the guest asks for',
                'stale': 'UC, WC and WB as the guest maps its RAM: entries of when DMA was registered stay',
                'mapped': 'UC, WC and WB as the guest maps its RAM'}[coherent], plain if coherent == 'ipat' else mapped),
            ('effective', 'with non-coherent DMA UC, WC and WB as the guest maps its RAM, and it is said', mapped)):
        d = json.loads(files[name + '.out'])
        got = {}
        for r in d['data']['runs']:
            for va in range(int(r['va'], 16), int(r['last_va'], 16), 4096):
                got.setdefault((' or '.join(r['effective']), r['finding']), []).append(va >> 12)
        check('effective: ' + text, {k: sorted(v) for k, v in got.items()} == want,
              str({k: len(v) for k, v in got.items()}) + files[name + '.err'].decode()[:200])
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


def check_caps(files):
    """Each set of capabilities does what the manual says, and what is missing is named."""
    rc = lambda n: int(files['caps-%s.rc' % n])
    err = lambda n: files['caps-%s.err' % n].decode()
    data = lambda n: json.loads(files['caps-%s.out' % n])['data']
    check('capabilities: none: what is needed is named', rc('none') == 2 and 'CAP_BPF and CAP_PERFMON' in err('none'),
          err('none')[:120].replace('\n', '; '))
    check('capabilities: BPF and PERFMON give facts', rc('facts') == 0)
    watch = [w for w in data('events')['kvm_watches'] if w['to']][0]
    check('capabilities: and events of entries, memslots not', rc('events') == 0 and watch['way'] == 'auto' and
          'memslots and non-coherent DMA are not seen' in watch['fallback'], watch['fallback'])
    check('capabilities: SYS_ADMIN gives those', [w['way'] for w in data('events-all')['kvm_watches']] == ['fentry'] * 2)
    check('capabilities: no entries with them', rc('audit-less') == 2 and 'root' in err('audit-less'),
          err('audit-less')[:120].replace('\n', '; '))
    check('capabilities: SYS_ADMIN gives entries', rc('audit') in (0, 1) and data('audit')['domains'],
          err('audit')[:120])
    check('capabilities: no memory of the guest with it', rc('memory-less') == 2 and 'CAP_SYS_PTRACE' in err('memory-less'),
          err('memory-less')[:120].replace('\n', '; '))
    check('capabilities: SYS_PTRACE and DAC_READ_SEARCH give that', rc('memory') in (0, 1) and len(data('memory')['runs']) >= 3,
          err('memory')[:120])


def check_cost(files, cpus):
    """What the guest's work took alone, with audits, and with a watch: medians of three. On
    one CPU an audit takes its share of it; several emulated ones share those of this machine,
    which is busy: of them only what KVM counted says something."""
    took, audits = {}, 0
    for line in files['cost.out'].decode().splitlines():
        words = line.split()
        if words[0] == 'count':
            audits = int(words[1])
        elif words[0] == 'audit':
            print('  an audit by itself takes %.2f s of a CPU here' % (float(words[2]) - float(words[1])))
        else:
            took.setdefault(words[0], []).append([int(w) for w in words[2:]])
    if not check('cost: measured', audits > 0 and all(len(v) == 3 and v[0][0] > 0 for v in took.values()) and len(took) == 5,
                 '%d audits' % audits):
        return
    ns = {k: statistics.median(r[0] for r in v) for k, v in took.items()}
    # what KVM counted: faults taken, flushes asked of its CPUs, exits
    counts = {k: [sum(r[5 + i] - r[2 + i] for r in v) for i in range(3)] for k, v in took.items()}
    seen = took['audits'][-1][7] > 0
    check('cost: audits and a watch make the guest neither fault nor flush', seen and not any(
        counts[k][i] for k in ('audits', 'events') for i in (0, 1)),
        '; '.join('%s: %d faults, %d flushes, %d exits' % (k, *counts[k]) for k in ('alone', 'audits', 'events')))
    for k in ('audits', 'events', 'again') if cpus == 1 else ():
        print('  on one CPU: the guest\'s work alone %.1f ms; %s: %.1f ms (%+.1f %%)' %
              (ns['alone'] / 1e6, k, ns[k] / 1e6, 100 * (ns[k] / ns['alone'] - 1)))
