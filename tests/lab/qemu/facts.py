#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: facts.py vtd|amdvi NAME
Facts of live domains, read by emtctl in the dom0 of a real Xen, against what Xen's
own tools and its boot log say."""
import json
import os
import re
import subprocess
import sys

import lab
from check import check, finish
from live import give_program


def main():
    kind, name = sys.argv[1:3]
    lab.need_base()
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind]) as m:
        give_program(m, 'emtctl')
        m.give(os.path.join(lab.LAB, 'bin', 'labdom'))
        tool = os.path.join(lab.BUILD, 'tests/tools/memtype')
        subprocess.run(['make', '-s', 'BUILD=' + lab.BUILD, tool], check=True, cwd=lab.TOP)
        m.give(tool, 'emt/memtype')
        m.start(lab.job('try.sh', 'facts.sh'))
        m.wait('DONE')

        def result(what):
            out = m.got('out/%s.out' % what)
            reply = json.loads(out) if out.startswith('{') else {}
            facts = {f['fact']: f for f in (reply.get('data') or {}).get('facts', [])}
            return int(m.got('out/%s.rc' % what)), reply, facts

        info = dict(re.findall(r'^(\w+) *: (.*)$', m.got('out/xlinfo.out'), re.M))
        version = '%s.%s%s' % (info['xen_major'], info['xen_minor'], info['xen_extra'])
        rc, reply, facts = result('facts')
        check('facts of the guest', rc == 0 and len(facts) > 10, 'status %d, %d facts' % (rc, len(facts)))
        value = lambda what: facts.get(what, {}).get('value')
        held = lambda what: facts.get(what, {}).get('held')
        check('release as xl info says', value('release') == version, '%s' % value('release'))
        check('paging is NPT', value('paging') == 'npt' and held('paging') == 'known', str(value('paging')))
        check('the IOMMU is in use', value('iommu_enabled') == ('yes' if 'directio' in info['virt_caps'] else 'no'),
              str(value('iommu_enabled')))
        log = open(os.path.join(m.folder, 'boot.log'), encoding='latin1').read()
        ram = re.findall(r'\[([0-9a-f]{16}), ([0-9a-f]{16})\] \(usable\)', log.split('RAM map:')[-1])
        want = {(int(a, 16) + 0xfff >> 12, (int(b, 16) + 1 >> 12) - 1) for a, b in ram}
        got = {(r['first'], r['last']) for r in facts['host_e820']['ranges'] if r.get('tag') in ('1', 1, 'RAM', 'ram')}
        check('RAM of the host E820 as the boot log has it', want and want == got, '%s %s' % (sorted(want), sorted(got)))
        check('registers of vCPUs are not read unasked', held('vcpu_mtrr') == 'unknown', str(held('vcpu_mtrr')))
        for what in ('iomem_caps', 'domain_iommu'):
            check('%s stays unknown' % what, held(what) == 'unknown', str(held(what)))

        # what only the boot log tells, out of the live ring
        for what, line in (('iommu_snoop', 'Snoop Control'), ('iommu_shared', 'Shared EPT tables')):
            told = re.search(r'VT-d %s (not )?enabled' % line, log)
            check('%s as the boot log says' % what, told and value(what) == ('no' if told.group(1) else 'yes') and
                  'boot log' in str(facts[what]) or what == 'iommu_shared' and value(what) == 'no',
                  '%s (%s)' % (value(what), held(what)))

        # HVMOP_get_mem_type of every gfn: what labdom built, as memory.py
        # counts it, but for its three pages at 1 GiB and 512 GiB
        kinds = {tuple(l.split()[:2]): int(l.split()[2]) for l in m.got('out/memtype.out').splitlines()}
        check('p2m types asked of this Xen: RAM', kinds.get(('1', '0')) == 256 + 600 + 2 * 512 - 4 - 7 + 4 * 512,
              str(kinds) + m.got('out/memtype.err'))
        check('and read-only RAM', kinds.get(('0', '1')) == 5, str(kinds.get(('0', '1'))))

        rc, reply, facts = result('facts-costs')
        check('registers of vCPUs with costs=yes', rc == 0 and held('vcpu_mtrr') == 'known', str(held('vcpu_mtrr')))
        text = m.got('out/hvmctx.out')
        pat = int(re.search(r'PAT (0x[0-9a-f]+)', text).group(1), 16)
        cr0 = int(re.search(r'cr0 (0x[0-9a-f]+)', text).group(1), 16)
        check('CR0 as xen-hvmctx says', '%x' % cr0 in str(facts['vcpu_cr0']), '%#x' % cr0)
        check('PAT as xen-hvmctx says', '%x' % pat in str(facts['vcpu_pat']), '%#x' % pat)

        rc, reply, facts = result('facts-dom0')
        check('dom0 is PV', rc == 0 and value('paging') == 'pv', str(value('paging')))
        for what in ('facts-none', 'facts-name', 'facts-gone'):
            rc, reply, facts = result(what)
            check('%s: a clear error' % what, rc == 2 and reply['error']['code'] in ('no_source', 'gone'),
                  str(reply.get('error')))
        rc, reply, facts = result('domains')
        listed = {d['domain']: d for d in (reply.get('data') or {}).get('domains', [])}
        stack = {int(w[1]): w for w in (l.rsplit(None, 5) for l in m.got('out/xllist.out').splitlines()[1:])}
        check('domains lists what xl list does', rc == 0 and listed and set(listed) == set(stack), str(sorted(listed)))
        check('their memory too', all(abs(listed[n]['bytes'] / 2**20 - int(w[2])) <= 1 for n, w in stack.items()),
              str({n: d['bytes'] >> 20 for n, d in listed.items()}))
        guest = listed.get(int(m.got('out/id.out')), {})
        check('no key D on NPT, and why', guest.get('route') == 'none' and 'npt' in guest.get('why', ''), guest.get('why', ''))
        check('dom0 is a PV domain: its p2m', listed.get(0, {}).get('route') == 'p2m' and 'p2m:self' in listed[0]['why'],
              str(listed.get(0, {}).get('why')))
        rc = int(m.got('out/show.rc'))
        check('show refuses NPT', rc == 2 and 'npt' in m.got('out/show.err'), m.got('out/show.err').split('\n')[0])
    return finish()


if __name__ == '__main__':
    lab.run(main)
