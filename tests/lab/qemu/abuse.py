# SPDX-License-Identifier: GPL-2.0-or-later
"""What dom0/abuse.c must have seen."""
import errno
import os
import random

from check import check

CALLER, NOT_IT, DYING, UNCHECKED, FACT, FIELD, MOVED, COMMAND, BUFFER = range(1, 10)  # enum emt_query_why

WANT = {name: (errno.EFAULT, BUFFER) for name in ('null', 'hypervisor', 'end', 'hole', 'noncanonical', 'readonly', 'half',
                                                  'policy-null')}
WANT.update({'no-room': (0, 0), 'huge-room': (0, 0), 'far': (0, 0), 'command-0': (errno.ENOSYS, COMMAND),
             'command-77': (errno.ENOSYS, COMMAND), 'dom0': (errno.EOPNOTSUPP, NOT_IT), 'pv': (errno.EOPNOTSUPP, NOT_IT), 'nobody': (errno.ESRCH, -1),
             'self': (errno.ESRCH, -1), 'facts': (errno.EINVAL, FACT), 'alive': (0, 0), 'dying': (errno.ESRCH, DYING)})


def seed():
    """Of the requests at random; printed, so that LAB_SEED can repeat it."""
    n = int(os.environ.get('LAB_SEED') or random.SystemRandom().randrange(1 << 32))
    print('  seed %d' % n, flush=True)
    return n


def look(out, err):
    """A check for what has a name, and one for what was made at random."""
    seen = {}
    for line in out.splitlines():
        name, a, b = line.split()
        seen[name] = (int(a), int(b))
    wrong = {n: seen.get(n) for n, w in WANT.items() if seen.get(n) != w}
    check('bad buffers are EFAULT; dom0, PV, dying ones, nobody, no command: each refused as it should', not wrong,
          str(wrong or len(WANT)))
    count, strange = seen.get('random', (0, -1))
    whys = {n[4:]: seen[n][0] for n in seen if n.startswith('why-')}
    check('requests at random: bounded, and nothing written behind the answer', count and not strange,
          '%d, of each why %s%s' % (count, whys, err and ': ' + err.splitlines()[0]))
