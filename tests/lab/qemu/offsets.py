# SPDX-License-Identifier: GPL-2.0-or-later
"""What the query payload must know of a build, as a file for `query load --offsets`."""
import json
import os
import re

import lab


def numbers():
    """emt's own, as the reply of `query offsets`: made from its sources."""
    fields = open(os.path.join(lab.TOP, 'lib/xen/query/fields.h')).read()
    table = open(os.path.join(lab.TOP, 'lib/xen/query_build.c')).read()
    values = dict(re.findall(r'\[EMT_QF_(\w+)\] = (\d+)', table))
    rows = [(n, s, m) for n, s, m in re.findall(r'F\((\w+), "(\w+)", "([^"]+)", \d+\)', fields)]
    rows += [(n, s, '') for n, s in re.findall(r'S\((\w+), "(\w+)"\)', fields)]
    return [{'struct': s, 'member': m, 'bytes': int(values[n])} for n, s, m in rows]


def write(path, rows, build=lab.KNOWN_BUILD):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = {'build': {'build_id': build}, 'numbers': rows}
    with open(path, 'w') as f:
        json.dump({'schema': 'emt.query_offsets', 'data': data}, f)


def wrong(rows, by=8):
    """Each number wrong in turn, both ways: {key: (its name, numbers)}."""
    out = {}
    for i, row in enumerate(rows):
        for sign, step in (('+', by), ('-', -by)):
            if row['bytes'] + step >= 0:
                moved = [dict(r, bytes=r['bytes'] + step) if r is row else r for r in rows]
                out['%02d%s' % (i, sign)] = name_of(row), moved
    return out


def name_of(row):
    return (row['struct'] + '.' + row['member']) if row['member'] else 'sizeof ' + row['struct']
