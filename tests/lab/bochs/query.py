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
import offsets
from check import check, finish
from steps import FINE, GUEST, HERE, Walk, verdicts

LIMIT = 700
NAMES = ['UC', 'WC', '2?', '3?', 'WT', 'WP', 'WB', '??']


def wrong_tables(folder):
    """What only EPT uses, and the root, moved both ways."""
    rows = offsets.numbers()
    paths = []
    for name in ('ept.eptp', 'phys_table'):
        for by in (8, -8):
            moved = [dict(r, bytes=r['bytes'] + by) if r['member'] == name else r for r in rows]
            path = os.path.join(folder, 'wrong-%s%+d.json' % (name, by))
            offsets.write(path, moved)
            paths.append(path)
    return paths


def as_key_d(e):
    """A leaf of `show --split`, as key D prints it: (gfn, order, mfn, permissions, type, mark)."""
    raw = int(e['raw'], 16)
    kind = NAMES[raw >> 3 & 7]
    perm = ('r' if raw & 1 else ' ') + ('w' if raw & 2 else ' ') + ('x' if raw & 4 else ' ')
    above = e['pending'] and kind != '??'
    mark = '?' if above or (e['order'] and kind == '??') else '!' if raw & 64 else ' '
    return e['gfn'], e['order'], e['mfn'], perm, kind, mark


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
    if not lab.known_build():
        print('  this Xen is another build (%s) than the one whose offsets are known: skipped' % lab.build_id())
        return lab.SKIP
    subprocess.run([os.path.join(GUEST, 'build'), lab.LAB], check=True)
    text = open(os.path.join(HERE, 'steps.sh')).read() + open(os.path.join(HERE, 'query.sh')).read() + 'begin\n'
    text += ''.join('step %s %s\n' % (s.name, s.steer) for s in todo) + 'wrong\ncost\n'
    os.makedirs(os.path.join(lab.LAB, 'tables'), exist_ok=True)
    job.prepare(folder, text, [os.path.join(lab.LAB, 'bin', 'steer'), os.path.join(lab.LAB, 'steered'),
                               os.path.join(GUEST, 'steered.cfg')] + wrong_tables(os.path.join(lab.LAB, 'tables')),
                console='none')
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
    for name in sorted(n[:-5] for n in files if n.startswith('wrong-') and n.endswith('.left')):
        check('%s is refused' % name, files[name + '.rc'].strip() == b'2' and b'absent' in files[name + '.left'],
              files[name + '.err'].decode().split('\n')[0])
    check('and the right ones are not', files['again.rc'].strip() == b'0')
    for k in (1, 2, 3):
        m = json.loads(files['measure%d.out' % k])['data']['measure']
        began, ended = map(float, files['keyd%d.out' % k].split())
        print('  %d entries: %d calls, %.1f ms, worst %.1f ms; with Xen\'s answers %.1f ms, worst %.1f ms; key D %.0f ms' % (
            m['entries'], m['calls'], m['total_us'] / 1e3, m['worst_us'] / 1e3, m['asked_total_us'] / 1e3,
            m['asked_worst_us'] / 1e3, (ended - began) * 1e3))
    check('unload', files['unload.rc'].strip() == b'0')
    return finish()


if __name__ == '__main__':
    lab.run(main)
