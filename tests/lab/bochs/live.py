#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: live.py NAME
emtctl in the dom0 of a real Xen with real EPT: it reads a running domain's entries by
key D, says what a capture of it says, and agrees with the text that Xen printed."""
import json
import os
import re
import subprocess
import sys

import job
import lab
from check import check, finish

HERE = os.path.dirname(os.path.abspath(__file__))

LIMIT = 300  # seconds for a machine; a quiet one takes 75


def verdicts(reply):
    return {v['verdict']: v['entries'] for v in reply['data']['domains'][0]['verdicts']}


def findings(reply):
    return [{k: v for k, v in f.items() if k != 'next'} for f in reply['data']['findings']]


def main():
    folder = os.path.join(lab.LAB, 'out', sys.argv[1])
    subprocess.run([os.path.join(HERE, 'packages')], check=True)
    lab.need_base()
    job.prepare(folder, open(os.path.join(HERE, 'live.sh')).read(), [os.path.join(lab.LAB, 'bin', 'labdom')])
    files, marks = job.run(folder, LIMIT)
    if not check('dom0 did its job', files and not any(m.startswith('FAILED') for m in marks), str(marks[-1:])):
        return finish()
    reply = {n: json.loads(files[n + '.out']) for n in ('domains', 'unasked', 'audit', 'take', 'audittaken', 'facts')
             if files[n + '.out'].startswith(b'{')}
    status = {n: int(files[n + '.rc']) for n in ('domains', 'unasked', 'audit', 'take', 'audittaken', 'facts')}
    domid = int(files['id.out'])
    listed = {d['domain']: d for d in reply['domains']['data']['domains']}
    check('domains: EPT, and the way to it', listed[domid]['paging'] == 'ept' and listed[domid]['route'] == 'key-d',
          listed[domid]['why'])
    check('unasked, entries are refused with their cost', status['unasked'] == 2 and
          'costs=yes' in reply['unasked']['error']['next'], reply['unasked']['error']['text'])
    text = files['dump.txt'].decode('latin1').split("'D' pressed")[-1]
    lines = [l for l in text.splitlines() if re.search(r'gfn: .*order:', l)]
    seen = verdicts(reply['audit'])
    check('as many entries as Xen printed', lines and sum(seen.values()) == len(lines),
          '%d, %d' % (sum(seen.values()), len(lines)))
    # the last character of a line, or its type, is a question mark
    pending = [l for l in lines if l.endswith('?') or re.search(r'\?\?.$', l)]
    check('as many pending as it marked so', 0 < seen.get('pending', 0) == len(pending),
          '%d, %d' % (seen.get('pending', 0), len(pending)))
    check('none is called wrong', set(seen) <= {'ok', 'pending', 'not-present'} and status['audit'] == 0, str(seen))
    check('a capture taken live says the same', findings(reply['audit']) == findings(reply['audittaken']) and
          seen == verdicts(reply['audittaken']), str(verdicts(reply['audittaken'])))
    here = subprocess.run([os.path.join(lab.BUILD, 'emtctl'), 'audit', os.path.join(folder, 'live.emt'), '--all', '--json'],
                          stdout=subprocess.PIPE).stdout
    check('and so it does on this machine', findings(json.loads(here)) == findings(reply['audit']))
    facts = {f['fact']: f for f in reply['facts']['data']['facts']}
    check('special frames come from key q', facts['special']['held'] == 'known' and facts['special']['ranges'],
          str(facts['special']['value'])[:80])
    check('rights to I/O too', facts['iomem_caps']['held'] == 'known', str(facts['iomem_caps']['value']))
    return finish()


if __name__ == '__main__':
    lab.run(main)
