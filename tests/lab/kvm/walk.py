#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: walk.py NAME VERSION
emtctl on a real KVM with real EPT: a guest is taken through what changes its types, its
EPT is read through BPF after each step, and every leaf is compared with the rule of that
kernel, typed here once more. VERSION: 6.1, 6.12"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for d in ('qemu', 'bochs'):
    sys.path.insert(0, os.path.join(HERE, '..', d))
import lab  # noqa: E402
import machine  # noqa: E402
import vm  # noqa: E402
from check import check, finish  # noqa: E402

LIMIT = 2400
STEPS = ['coherent', 'mtrr', 'registered', 'after', 'honoured', 'cd', 'unregistered', 'last']
WB, WT, WC, UC = 'WB', 'WT', 'WC', 'UC'


def guest_type(gfn):
    """By the MTRRs that the job sets: one page."""
    if 0x10 <= gfn < 0x20 or 0x10000 <= gfn < 0x10100:
        return WT
    if 0xc0000 <= gfn < 0xc0100:
        return WC
    return WB


def rule(version, state, gfn, device):
    """(type, ipat) that this kernel writes. state: what the step left in force."""
    if device:
        return UC, False
    if not state['dma']:
        return WB, True
    if version != '6.1':
        return WB, False
    if state['cd']:
        return WB, True  # the quirk CD_NW_CLEARED is on
    return guest_type(gfn), False


def leaves(folder, step):
    out = subprocess.run([os.path.join(lab.BUILD, 'emtctl'), 'show', os.path.join(folder, step + '.emt'), '--split',
                          '--json'], stdout=subprocess.PIPE, check=True).stdout
    return [r for r in json.loads(out)['data']['runs'] if r['entry'] == 'leaf']


def compare(folder, version, step, state, ram, old):
    """Every leaf against the rule; 'old' gives what a leaf from before may be (by gfn)."""
    agree, stale, wrong, huge, mmio = 0, 0, [], 0, 0
    for r in leaves(folder, step):
        if r['perm'] == '-wx':
            mmio += 1
            continue
        device = not any(a <= r['mfn'] <= b for a, b in ram)
        want = rule(version, state, r['gfn'], device)
        have = (r['emt'], r['ipat'])
        huge += r['order'] == 9
        if have == want:
            agree += 1
        elif old and have == rule(version, old, r['gfn'], device):
            stale += 1
        else:
            wrong.append((hex(r['gfn']), r['order'], have, want))
    return agree, stale, wrong, huge, mmio


def verdicts(files, step):
    d = json.loads(files['audit-%s.out' % step])['data']['domains'][0]
    return {v['verdict']: v['entries'] for v in d['verdicts']}


def made_by_mtrrs(folder, step, ram):
    """Pages of RAM that guest MTRRs would make WC and WT, of what is mapped; superpages over a
    border of theirs would be split, and count for neither."""
    n = {WC: 0, WT: 0}
    for r in leaves(folder, step):
        if r['perm'] != '-wx' and any(a <= r['mfn'] <= b for a, b in ram):
            types = {guest_type(r['gfn'] + i) for i in range(1 << r['order'])}
            if len(types) == 1 and types & set(n):
                n[types.pop()] += 1
    return n


def trade_offs(folder, files, ram):
    """Asked of the running guest: what honouring PAT alone takes from it, and what a flagged memslot would give."""
    d = json.loads(files['whatif.out'])['data']
    gives = sum(c['entries'] for c in d['changes'] if c['before'] == ['WB!'] and c['after'] == ['WB'])
    check('whatif: a memslot for non-coherent DMA honours PAT in it, and nowhere else', gives == 256 and
          all(c['before'] == ['WB!'] for c in d['changes'] if c['after'] == ['WB']), '%d entries' % gives)
    d = json.loads(files['upgrade.out'])['data']
    lost = {t: sum(c['entries'] for c in d['changes'] if c['before'] == [t] and c['after'] == ['WB']) for t in (WC, WT)}
    want = made_by_mtrrs(folder, 'honoured', ram)
    check('upgrade-check from 6.1 to 6.12: what guest MTRRs made WC and WT is WB then', lost == want and lost[WC] >= 64 and
          lost[WT] >= 16 and 'loses write-combining' in d['remarks'][0]['text'], '%s; %s' % (lost, d['remarks'][0]['text'][:60]))


def main():
    name, version = sys.argv[1:3]
    folder = os.path.join(lab.LAB, 'out', name)
    vm.prepare(folder, version, 'guest.sh', 'events.sh', 'job.sh', 'cost.sh', 'paging.sh', 'end.sh')
    subprocess.run([os.path.join(HERE, 'iso'), lab.LAB, version, folder], check=True)
    # a network card and a screen: device memory, and such as may be write-combined
    machine.CONFIG = re.sub(r'pci: [^\n]*', 'pci: enabled=1, chipset=i440fx, slot1=pcivga, slot2=e1000\n'
                            'e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=null, ethdev=none, script=""',
                            machine.CONFIG).replace('guest=1536, host=1536', 'guest=1024, host=1024')
    files, marks = machine.run(folder, LIMIT)
    if not vm.did_its_job(files, marks):
        return finish()
    vm.keep(folder, files)
    ram = vm.host_ram(files)
    listed = json.loads(files['domains.out'])['data']['virtual_machines'][0]
    check('domains: one virtual machine on EPT, read through BPF', listed['paging'] == 'ept' and
          listed['route'] == 'bpf', '%s, %s' % (listed['command'], listed['why']))
    devices = [m for m in marks if m.startswith('DEVICES')]
    facts = {f['fact']: f for f in json.loads(files['facts.out'])['data']['facts']}
    check('facts: the kernel, non-coherent DMA, memslots', facts['release']['held'] == 'known' and
          facts['noncoherent_dma']['value'] == 'no' and len(facts['memslots']['ranges']) == 5 + len(devices[0].split()[1:]),
          '%s; %s' % (facts['release']['value'], facts['memslots']['value']))
    state = {'dma': False, 'cd': False}
    before = dict(state)
    total = 0
    for step in STEPS:
        old = None
        if step == 'registered':
            before, state = state, {'dma': True, 'cd': False}
        if step == 'cd':
            state = {'dma': True, 'cd': True}
        if step == 'unregistered':
            before, state = {'dma': True, 'cd': False}, {'dma': False, 'cd': False}
        if version == '6.1' and step in ('registered', 'after', 'unregistered', 'last'):
            old = before  # nothing is zapped: what was there stays
        if version == '6.1' and step == 'cd':
            old = {'dma': True, 'cd': False}  # nor is it for CR0.CD, with the quirk on
        agree, stale, wrong, huge, mmio = compare(folder, version, step, state, ram, old)
        total += agree + stale
        # later kernels zap all: what is left was touched since
        least = {'registered': 0, 'unregistered': 0, 'after': 4}.get(step, 2000) if version != '6.1' else 2000
        check('%s: every leaf is what the rule, typed here, says' % step, not wrong and agree + stale >= least,
              '%d as it is now, %d as before, %d 2 MiB, %d emulated MMIO%s' %
              (agree, stale, huge, mmio, ', wrong: %s' % wrong[:3] if wrong else ''))
        seen = verdicts(files, step)
        check('%s: the audit says the same' % step, seen.get('ok', 0) == agree and
              seen.get('stale-by-design', 0) == stale and set(seen) <= {'ok', 'stale-by-design', 'not-present'}, str(seen))
    print('  %d leaves compared' % total)
    trade_offs(folder, files, ram)
    if check('crosscheck: KVM let its answers be logged', files['crosscheck.out'].startswith(b'{') and
             json.loads(files['crosscheck.out'])['data'], files['crosscheck.err'].decode()[:160]):
        c = json.loads(files['crosscheck.out'])['data']['crosscheck']
        check('crosscheck: entry, KVM\'s answer and the rule agree', c['asked'] > 1000 and c['agree'] == c['asked'] and
              not c['calls_lost'], '%(agree)d of %(asked)d asked for, %(calls)d calls, %(calls_lost)d lost, '
              '%(leaves)d leaves' % c)
    vm.check_events(files, 'ept')
    vm.check_paging(folder, files, coherent='stale' if version == '6.1' else 'ipat')
    vm.check_cost(files, 1)
    check('a live audit answers', files['live.rc'].strip() in (b'0', b'1', b'3'), files['live.err'].decode()[:100])
    return finish()


if __name__ == '__main__':
    lab.run(main)
