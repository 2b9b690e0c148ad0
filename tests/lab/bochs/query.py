#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: query.py NAME
The query payload in a stock Xen on real EPT: the scripted guest of guest.py at every step.
Entries equal key D's; a pin at random comes back exactly, before and after the guest touches
it; the table, emt's rules and Xen's own function agree. LAB_SEED repeats a run."""
import json
import os
import subprocess
import sys

import guest
import job
import lab
from check import check, finish
from steps import FINE, GUEST, HERE, Walk, as_key_d, verdicts

LIMIT = 900
PAT = 0x0407050600070106


def look(files, s, pins):
    """One check a step; returns how many entries."""
    text = lambda n: files[n].decode('latin1')
    walk = Walk(text(s.name + '.txt'))
    reply = json.loads(text(s.name + '.out') or '{}')
    if not reply.get('data'):
        check(s.name, False, 'no audit: ' + text(s.name + '.err'))
        return 0
    shown = [json.loads(l) for l in text(s.name + '.show.out').splitlines()]
    leaves = [as_key_d(e) for e in shown if e['record'] == 'run' and e['entry'] == 'leaf']
    # an entry that waits below a table that waits: key D marks that, the record does not tell the two
    same = len(leaves) == len(walk.lines) and all(
        a == b or (a[:5] == b[:5] and a[4] == '??') for a, b in zip(leaves, walk.lines))
    bad = [] if same else ['key D differs: %s' % sorted(set(leaves) ^ set(walk.lines))[:2]]
    bad += ['Xen has 0x%x as %r, not %r' % (g, walk.at(g), t) for g, t in s.expect.items() if walk.at(g) != t]
    seen, c = verdicts(reply), reply['data']['checked'][0]
    if set(seen) - FINE:
        bad.append('the audit finds %s' % (set(seen) - FINE))
    if c['emt_xen'] or c['entry_xen'] or c['agree'] + c['pending'] != c['asked'] or not c['asked']:
        bad.append('three ways: %s, %s' % (c, reply['data']['differences'][:2]))
    facts = {f['fact']: f for f in json.loads(text(s.name + '.facts.out'))['data']['facts']}
    got = [(r['first'], r['last'], r['tag']) for r in facts['pins']['ranges']]
    if got != pins or facts['pins']['held'] != 'known':
        bad.append('pins %s, not %s' % (got, pins))
    check(s.name, not bad, '; '.join(['%d entries, %d agree three ways, %d pending' % (
        len(leaves), c['agree'], c['pending'])] + bad))
    return len(leaves)


def main():
    first, last, kind = guest.pick()
    todo = guest.steps(first, last, kind)
    folder = os.path.join(lab.LAB, 'out', sys.argv[1])
    subprocess.run([os.path.join(HERE, 'packages')], check=True)
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    subprocess.run([os.path.join(GUEST, 'build'), lab.LAB], check=True)
    text = open(os.path.join(HERE, 'steps.sh')).read() + open(os.path.join(HERE, 'query.sh')).read() + 'begin\n'
    text += ''.join('step %s %s\n' % (s.name, s.steer) for s in todo) + 'pat %x\ncost\n' % PAT
    job.prepare(folder, text, [os.path.join(lab.LAB, 'bin', 'steer'), os.path.join(lab.LAB, 'steered'),
                               os.path.join(GUEST, 'steered.cfg')], console='none')
    files, marks = job.run(folder, LIMIT)
    failed = [m for m in marks if m.startswith('FAILED')]
    if not check('dom0 did its job', files and not failed, '; '.join(failed) or str(marks[-1:])):
        return finish()
    pins, total = [], 0
    for s in todo:
        if 'pins' in s.truth:
            pins = [(int(a, 16), int(b, 16), kind) for a, b, _ in s.truth['pins']]
        total += look(files, s, pins)
    print('  %d entries in all' % total)
    facts = lambda n: {f['fact']: f for f in json.loads(files[n])['data']['facts']}
    without, asked = facts('pat.payload.out'), facts('pat.record.out')
    check('the PAT, which hardware keeps: the payload says that it cannot tell it', without['vcpu_pat']['held'] == 'unknown' and
          'costs=yes' in without['vcpu_pat']['origin'], without['vcpu_pat']['origin'])
    check('with consent the save record tells what the guest wrote, and no key is pressed',
          asked['vcpu_pat']['held'] == 'known' and int(str(asked['vcpu_pat']['value']).split()[-1], 16) == PAT and
          asked['vcpu_cr0']['origin'] == 'query payload' and b'pressed' not in files['pat.ring'],
          '%s, %s' % (asked['vcpu_pat']['value'], asked['vcpu_pat']['origin']))
    for m in json.loads(files['measure.out'])['data']['measures']:
        print('  %(what)s: %(entries)d entries in %(runs)d runs, %(calls)d calls, %(total_us)d us, worst %(worst_us)d us' % m)
    for k in (1, 2, 3):
        began, ended = map(float, files['keyd%d.out' % k].split())
        print('  key D: %.0f ms' % ((ended - began) * 1e3))
    check('unload', files['unload.rc'].strip() == b'0')
    return finish()


if __name__ == '__main__':
    lab.run(main)
