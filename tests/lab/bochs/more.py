#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: more.py NAME
The query payload in a stock Xen on real EPT, where key D does not serve: a guest whose dump the
console ring cannot hold, and an HVM guest with a device model; who may not ask, and what nobody
should. Then each number of the build is wrong in turn, both ways: each must be refused, and Xen
live on. LAB_SEED repeats a run."""
import json
import os
import subprocess
import sys

import job
import abuse
import lab
import offsets
from check import check, check_complaints, finish
from steps import FINE, GUEST, HERE, Walk, as_key_d, verdicts

LIMIT = 1200
RING = 'conring_size=32k'


def full():
    """{gfn: order} of the entries that labdom's full guest is built with."""
    pages = {g: 0 for g in range(0x100)}
    pages.update({0x200 + 0x200 * i: 9 for i in range(6)})
    pages.update({g: 0 for g in range(0x1000, 0x1000 + 600)})
    pages.update({0x40000: 0, 0x8000000: 0, 0x8000001: 0})
    del pages[0x400]  # one of its pages became read-only: split
    pages.update({g: 0 for g in range(0x400, 0x600)})
    for hole in (0x51, 0x53, 0x60, 0x7f0):
        pages.pop(hole, None)
    del pages[0x600]  # 0x7f0 was taken out of it
    pages.update({g: 0 for g in range(0x600, 0x800) if g != 0x7f0})
    return pages


def three_ways(name, text, err):
    """The audit with --check: everything known to it agrees."""
    reply = json.loads(text or '{}')
    if not reply.get('data'):
        return check(name, False, err)
    seen, c = verdicts(reply), reply['data']['checked'][0]
    bad = [] if not set(seen) - FINE else ['finds %s' % (set(seen) - FINE)]
    if c['emt_xen'] or c['entry_xen'] or c['agree'] + c['pending'] != c['asked'] or not c['asked']:
        bad.append('%s, %s' % (c, reply['data']['differences'][:2]))
    return check(name, not bad, '; '.join(['%d asked, %d agree three ways, %d pending' % (
        c['asked'], c['agree'], c['pending'])] + bad))


def main():
    folder = os.path.join(lab.LAB, 'out', sys.argv[1])
    subprocess.run([os.path.join(HERE, 'packages')], check=True)
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    subprocess.run([os.path.join(GUEST, 'build'), lab.LAB], check=True)
    wrong = offsets.wrong(offsets.numbers())
    tables = os.path.join(lab.LAB, 'tables')
    files = [os.path.join(lab.LAB, 'bin', n) for n in ('labdom', 'dmstub', 'abuse', 'steer')]
    files += [os.path.join(lab.LAB, 'steered'), os.path.join(GUEST, 'steered.cfg'), os.path.join(lab.LAB, 'seed')]
    seed = abuse.seed()
    open(files[-1], 'w').write('%d\n' % seed)
    files += [os.path.join(HERE, '..', 'dom0', 'hvm.cfg'),
              os.path.join(lab.LAB, 'x/usr/lib/xen-4.17/boot/hvmloader')]
    for key, (_, rows) in wrong.items():
        files.append(os.path.join(tables, 'wrong-%s.json' % key))
        offsets.write(files[-1], rows)
    text = ''.join(open(os.path.join(HERE, n)).read() for n in ('steps.sh', 'more.sh'))
    job.prepare(folder, text, files, console='none', xen=RING)
    got, marks = job.run(folder, LIMIT)
    failed = [m for m in marks if m.startswith('FAILED')]
    if not check('dom0 did its job', got and not failed, '; '.join(failed) or str(marks[-1:])):
        return finish()
    text = lambda n: got[n].decode('latin1')
    leaves = lambda n: [as_key_d(e) for e in map(json.loads, text(n).splitlines())
                        if e['record'] == 'run' and e['entry'] == 'leaf']

    said = json.loads(text('bykey.out'))
    seen = sum(d['entries'] for d in (said.get('data') or {'domains': []})['domains'])
    check('by key D the audit is incomplete, and says so', not said['complete'] and text('bykey.rc').strip() in '23',
          '%d entries, status %s' % (seen, text('bykey.rc').strip()))
    held = Walk(text('ring.txt')).lines
    shown = leaves('show.out')
    check('the ring holds a part of the dump', 0 < len(held) < len(shown), '%d of %d' % (len(held), len(shown)))
    check('the payload shows every entry', {l[0]: l[1] for l in shown} == full(), '%d' % len(shown))
    check('and those that the ring holds as key D prints them', set(held) <= set(shown) or [l for l in held
          if l[:5] not in {s[:5] for s in shown}] == [], str(sorted(set(held) - set(shown))[:2]))
    three_ways('it is audited completely', text('audit.out'), text('audit.err'))
    check('with no word of what was lost', json.loads(text('audit.out')).get('complete', True) is not False and
          text('audit.rc').strip() in '01', 'status ' + text('audit.rc').strip())

    three_ways('an HVM guest with a device model', text('hvm.audit.out'), text('hvm.audit.err'))
    kinds = {d['name']: (d.get('type'), d['route']) for d in json.loads(text('hvm.domains.out'))['data']['domains']}
    check('it is listed as what it is', kinds.get('model') == ('hvm', 'query'), str(kinds))
    facts = {f['fact']: f for f in json.loads(text('hvm.facts.out'))['data']['facts']}
    unknown = [n for n in ('pins', 'mmio_ro', 'iomem_caps', 'ioport_caps', 'domain_iommu', 'host_mtrr', 'vcpu_mtrr',
                           'vcpu_cr0', 'special') if facts[n]['held'] != 'known']
    check('its facts are known', not unknown, str(unknown or len(leaves('hvm.show.out'))))

    check('a guest that asks is refused (EPERM)', text('outsider.txt').splitlines()[-1:] == ['query in the guest: -1, as it was sent'],
          text('outsider.txt').splitlines()[-1])
    abuse.look(text('abuse.out'), text('abuse.err'))
    three_ways('after that it answers as before', text('abused.out'), text('abused.err'))
    outcome = {}
    for key, (name, _) in wrong.items():
        reply, left = json.loads(text('wrong-%s.out' % key)), json.loads(text('wrong-%s.left' % key))
        outcome[key] = (name, not reply.get('data') and left['data']['state']['payload'] == 'absent',
                        json.dumps(reply['error']))
    missed = sorted(n for n, ok, _ in outcome.values() if not ok)
    check('each number wrong in turn is refused and leaves nothing', not missed, '%d of %d, not: %s' %
          (len(outcome) - len(missed), len(outcome), missed))
    other = [n for n, ok, why in outcome.values() if ok and n.split('.')[-1].split(' ')[-1] not in why]
    print('  the refusal names another number than the one that was moved: %s' % other)
    check('the right ones are not', text('again.rc').strip() == '0')
    three_ways('and answer as before', text('still.out'), text('still.err'))
    check('unload', text('unload.rc').strip() == '0')
    check_complaints(text('xen.txt'))
    check('no guest is left over', len(text('end.txt').splitlines()) == 2)
    return finish()


if __name__ == '__main__':
    lab.run(main)
