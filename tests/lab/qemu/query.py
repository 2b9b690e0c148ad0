#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: query.py vtd|amdvi NAME [pvh]
The query payload in a stock Xen on NPT: what it says of guests of every kind against an
outside walk of the machine's memory; wrong numbers, each in turn, end in a refusal, and so
does what nobody should ask (LAB_SEED repeats it); then unload. pvh: from a PVH dom0, where no device is assigned."""
import json
import os
import re
import sys

import abuse
import lab
import offsets
import ours
import tables
from check import check, check_complaints, compare, finish
from live import give_program

# AMD's processors never use it; the scenario on Bochs shifts it too.
UNUSED = {'p2m_domain.ept.eptp'}


def give_tables(machine):
    """The right numbers for another build, and each number wrong in turn."""
    rows = offsets.numbers()
    other = '00' + lab.KNOWN_BUILD[2:]
    offsets.write(os.path.join(machine.share, 'otherbuild.json'), rows, other)
    image = open(os.path.join(lab.BUILD, 'payload/emt-query.livepatch'), 'rb').read()
    open(os.path.join(machine.share, 'otherbuild.livepatch'), 'wb').write(image)  # its build id is all zeros
    wrong = offsets.wrong(rows)
    for key, (_, moved) in wrong.items():
        offsets.write(os.path.join(machine.share, 'wrong', key + '.json'), moved)
    return {key: name for key, (name, _) in wrong.items()}


def leaves_of(text):
    """Entries of `show --split --ndjson`, as tables.py has them."""
    records = [json.loads(line) for line in text.splitlines()]
    return [(e['gfn'], e['order'], e['mfn'], e['perm'], e['p2m_type']) for e in records if e['record'] == 'run']


def check_entries(machine, result, built):
    """The outside walk of the frozen machine, leaf by leaf."""
    image = tables.Image(machine.ram)
    roots = tables.roots_of_key_v(machine.got('keys/v.txt'))
    total = 0
    for d, how in built.items():
        rc, out, err = result('show%s' % d)
        if not check('show of domain %s (%s)' % (d, how.split()[0]), rc == 0, err.split('\n')[0]):
            continue
        want, got = ours.named(tables.npt(image, roots[int(d)])), leaves_of(out)
        full = lambda ls: [l for l in ls if l[3] != '---']
        bare = lambda ls: [(l[0], l[1], l[4]) for l in ls if l[3] == '---']
        compare('domain %s: entries = outside walk' % d, full(want), full(got))
        check('domain %s: entries without a page' % d, bare(want) == bare(got), '%d' % len(bare(want)))
        total += len(want)
    return total


def special_of_key_q(text, domain):
    part = text.split('General information for domain %d:' % domain)[-1].split('General information')[0]
    return {int(m, 16) for m in re.findall(r'(?:XenPage|ExtraPage) ([0-9a-f]+):', part)}


def check_facts(machine, result, built):
    """Inputs that labdom set, and that Xen's own tools tell."""
    for d, how in built.items():
        rc, out, err = result('facts%s' % d)
        facts = {f['fact']: f for f in json.loads(out)['data']['facts']} if rc == 0 else {}
        held = lambda what: (facts.get(what, {}).get('held'), facts.get(what, {}).get('origin'))
        ranges = lambda what: [(r['first'], r['last'], r.get('tag')) for r in facts[what]['ranges']]
        if not check('facts of domain %s' % d, rc == 0, err.split('\n')[0]):
            continue
        wanted = ('pins', 'mmio_ro', 'iomem_caps', 'ioport_caps', 'domain_iommu', 'host_mtrr', 'vcpu_mtrr', 'vcpu_cr0',
                  'special')
        wrong = [w for w in wanted if held(w) != ('known', 'query payload')]
        check('domain %s: facts are known by the payload' % d, not wrong, str(wrong or '%d' % len(wanted)))
        full, device = how.startswith('full'), how.startswith('full') and not how.endswith(' 0')
        check('domain %s: its pins, exactly' % d, ranges('pins') == ([(0x10, 0x1f, 0), (0x200, 0x3ff, 1)] if full
                                                                     else []), str(ranges('pins')))
        words = how.split()
        want = []
        if device:
            first = int(words[1], 16) >> 12
            want = [(first, first + int(words[2], 16) - 1, None)]
        check('domain %s: its rights to I/O memory' % d, [r[:2] for r in ranges('iomem_caps')] == [w[:2] for w in want],
              str(ranges('iomem_caps')))
        check('domain %s: its IOMMU flag' % d, facts['domain_iommu']['value'] == ('yes' if device else 'no'),
              str(facts['domain_iommu']['value']))
        text = machine.got('out/hvmctx%s.out' % d)
        cr0 = [int(c, 16) for c in re.findall(r'\bcr0 +(0x[0-9a-f]+)', text, re.I)]
        shown = [int(v, 16) for v in re.findall(r'0x[0-9a-f]+', str(facts['vcpu_cr0']['value']))]
        if cr0:  # it stops before that record for a guest with several vCPUs
            check('domain %s: CR0 as xen-hvmctx says' % d, set(shown) == set(cr0), '%s %s' % (shown, cr0))
        check('domain %s: CR0 is one of protected mode' % d, shown and all(c & 0x11 == 0x11 for c in shown), str(shown))
        mine = {l[2] for l in leaves_of(machine.got('out/show%s.out' % d)) if l[1] == 0}
        special = {m for r in ranges('special') for m in range(r[0], r[1] + 1)}
        check('domain %s: special frames are those that key q tells and it maps' % d,
              special == special_of_key_q(machine.got('keys/q.txt'), int(d)) & mine, str(len(special)))


def main():
    kind, name = sys.argv[1:3]
    pvh = sys.argv[3:] == ['pvh']
    lab.need_base()
    if lab.unknown_build():
        return lab.SKIP
    with lab.Machine(kind, os.path.join(lab.LAB, 'out', name), mem=lab.MIB[kind], timeout=400,
                     xen='dom0=pvh' if pvh else '') as m:
        give_program(m, 'emtctl')
        for f in (os.path.join(lab.LAB, 'bin', 'labdom'), os.path.join(lab.LAB, 'guest'),
                  os.path.join(lab.LAB, 'bin', 'dmstub'), os.path.join(lab.HERE, '..', 'dom0', 'guest.cfg'),
                  os.path.join(lab.HERE, '..', 'dom0', 'hvm.cfg'),
                  os.path.join(lab.LAB, 'x/usr/lib/xen-4.17/boot/hvmloader')):
            m.give(f)
        m.give(os.path.join(lab.LAB, 'x/usr/lib/xen-4.17/bin/xen-livepatch'), 'emt/xen-livepatch')
        m.give(os.path.join(lab.LAB, 'bin', 'abuse'))
        open(os.path.join(m.share, 'seed'), 'w').write('%d\n' % abuse.seed())
        if not pvh:
            open(os.path.join(m.share, 'assign'), 'w').close()
        names = give_tables(m)
        m.start(lab.job('try.sh', 'pci.sh', 'query.sh'))

        def result(what):
            return int(m.got('out/%s.rc' % what)), m.got('out/%s.out' % what), m.got('out/%s.err' % what)

        def state(what):
            return json.loads(m.got('out/%s.out' % what))['data']['state']

        m.wait('BUILT', 120)
        m.stop_cpus()
        s = state('status')
        check('status: this build is known, nothing is loaded', s['payload'] == 'absent' and s['loadable'] and
              s['build_id'] == lab.KNOWN_BUILD, s['known_as'])
        rc, _, err = result('unasked')
        check('unasked it changes nothing and says what it would', rc == 2 and 'iommu_do_domctl' in err and '-y' in err)
        rc, _, err = result('wrongbuild')
        check('numbers of another build are refused', rc == 2 and 'this Xen is' in err, err.split('\n')[0])
        rc, out, err = result('forced')
        check('Xen itself refuses a payload for another build', rc != 0, (out + err).strip().split('\n')[-1])
        check('loaded before any guest runs', result('early')[0] == 0 and state('early')['payload'] == 'applied')
        built = dict(line.split(' ', 1) for line in m.got('domains.txt').splitlines())
        check('guests are built while it is loaded' + ('' if pvh else ', one with a device assigned through it'),
              len(built) == 5 and (pvh or not built[min(built)].endswith(' 0')))
        routes = {d['domain']: d['route'] for d in json.loads(m.got('out/domains.out'))['data']['domains']}
        check('domains: guests by the payload, dom0 not', all(routes[int(d)] == 'query' for d in built) and
              routes[0] == ('none' if pvh else 'p2m'), str(routes))
        rc, _, err = result('dom0')
        check('dom0 cannot be asked', rc == 2, err.split('\n')[0])
        total = check_entries(m, result, built)
        print('  %d entries in all' % total)
        check_facts(m, result, built)
        m.command('cont')
        m.say('go')

        m.wait('TRIED', 240)
        caught = [k for k in names if int(m.got('out/wrong-%s.rc' % k)) == 2]
        missed = sorted(names[k] for k in names if k not in caught)
        check('each number wrong in turn is refused', set(missed) <= UNUSED, '%d of %d, not: %s' %
              (len(caught), len(names), missed))
        left = [k for k in caught if 'absent' not in m.got('out/left-%s.out' % k)]
        check('and leaves nothing behind', not left, str(left))
        said = [k for k in caught if names[k].split('.')[-1].split(' ')[-1] not in m.got('out/wrong-%s.err' % k)]
        print('  the refusal names another number than the one that was moved: %s' % [names[k] for k in said])
        m.wait('DONE', 60)
        check('loaded again', result('again')[0] == 0)
        check('twice is refused', result('twice')[0] == 2, result('twice')[2].split('\n')[0])
        abuse.look(m.got('out/abuse.out'), m.got('out/abuse.err'))
        check('unload while a client asks', result('unload')[0] == 0 and state('gone')['payload'] == 'absent')
        rc, _, err = result('nothing')
        check('without it there are no entries', rc == 2, err.split('\n')[0])
        check('Xen is as before', state('end')['payload'] == 'absent' and result('last')[0] == 0)
        check_complaints(m.got('xen.txt') + open(os.path.join(m.folder, 'console.log'), encoding='latin1').read())
    return finish()


if __name__ == '__main__':
    lab.run(main)
