# SPDX-License-Identifier: GPL-2.0-or-later
"""What emtctl says of a machine's memory, as leaves like those of tables.py."""
import collections
import json
import os
import subprocess

import lab
from check import check, compare

EMTCTL = os.path.join(lab.BUILD, 'emtctl')
# Xen's numbers of p2m types that a guest of labdom can have.
P2M = ['ram_rw', 'invalid', 'ram_logdirty', 'ram_ro', 'mmio_dm', 'mmio_direct', 'populate_on_demand']


def reads_images():
    """Was this emtctl built with the memory source?"""
    out = subprocess.run([EMTCTL, 'version'], stdout=subprocess.PIPE, check=True).stdout.decode()
    return '+mem' in out


def show(source):
    """{domain: leaves} of 'emtctl show', entry by entry; None when it fails."""
    r = subprocess.run([EMTCTL, 'show', '--split', '--ndjson', source], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, check=False)
    records = [json.loads(line) for line in r.stdout.decode().splitlines()]
    end = records[-1] if records else {}
    if not check('emtctl show %s' % os.path.basename(source), r.returncode == 0 and end.get('complete'),
                 'status %d %s' % (r.returncode, r.stderr.decode().split('\n')[0])):
        return None
    leaves = collections.defaultdict(list)
    for e in records:
        if e['record'] == 'run' and e['entry'] != 'intermediate':
            leaves[e['domain']].append((e['gfn'], e['order'], e['mfn'], e['perm'], e['p2m_type']))
    return leaves


def named(leaves):
    """Leaves of tables.npt with the names that emtctl gives p2m types."""
    return [l[:4] + (P2M[l[4]] if l[4] < len(P2M) else str(l[4]),) for l in leaves]


def audit_refused(source):
    """These entries have no memory types: an audit says so, and nothing else."""
    r = subprocess.run([EMTCTL, 'audit', source], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120, check=False)
    err = r.stderr.decode()
    check('audit of it refuses NPT', r.returncode == 2 and not r.stdout and 'npt' in err.lower(),
          err.split('\n')[0])


def compare_nested(source, nested):
    """NPT: present leaves in full, those without a page by frame, size and type."""
    got = show(source)
    if got is None:
        return
    check('the domains that it finds', sorted(got) == sorted(nested), str(sorted(got)))
    for d, leaves in sorted(nested.items()):
        full = lambda ls: [l for l in ls if l[3] != '---']
        bare = lambda ls: [(l[0], l[1], l[4]) for l in ls if l[3] == '---']
        want = named(leaves)
        compare('domain %d: NPT leaves = outside walk' % d, full(want), full(got.get(d, [])))
        if bare(want) or bare(got.get(d, [])):
            compare('domain %d: entries without a page = outside walk' % d, bare(want), bare(got.get(d, [])))


def compare_iommu(source, kind, iommu, key_o):
    """IOMMU tables against the outside walk and key o."""
    got = show(source + ',table=iommu')
    if got is None:
        return
    check('the domains whose IOMMU tables it finds', sorted(got) == sorted(iommu), str(sorted(got)))
    plain = lambda ls: [(l[0], l[1], l[2], l[3][:2]) for l in ls]
    for d in sorted(iommu):
        compare('domain %d: %s leaves = key o' % (d, kind), plain(key_o.get(d, [])), plain(got.get(d, [])))
        compare('domain %d: %s leaves = outside walk' % (d, kind), plain(iommu[d]), plain(got.get(d, [])))
