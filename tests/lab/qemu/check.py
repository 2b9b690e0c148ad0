# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of a scenario: each prints a line, finish() counts them."""
import collections
import re

RESULTS = []


def check(name, good, detail=''):
    """One check; 'detail' is what was seen."""
    RESULTS.append(bool(good))
    print('  %-6s %s%s' % ('ok' if good else 'FAILED', name, ': ' + detail if detail else ''), flush=True)
    return bool(good)


def difference(want, got):
    """(missing, extra) of two multisets, each a sorted list."""
    want, got = collections.Counter(want), collections.Counter(got)
    key = lambda leaf: tuple(map(str, leaf))
    return sorted((want - got).elements(), key=key), sorted((got - want).elements(), key=key)


def compare(name, want, got, limit=2):
    """Equal multisets of leaves; says how many, and the first that differ."""
    missing, extra = difference(want, got)
    detail = '%d' % len(want)
    if missing or extra:
        detail += ', %d missing, %d extra: %s / %s' % (len(missing), len(extra), missing[:limit],
                                                       extra[:limit])
    return check(name, want and not missing and not extra, detail)


def check_complaints(log):
    """What a hypervisor says when something went wrong in it stands nowhere in its log."""
    bad = [l for l in log.splitlines() if re.search(r'\bBUG\b|Assertion|FATAL|[Pp]anic on|[Pp]age fault|#PF', l)]
    return check('Xen complains of nothing', not bad, str(bad[:2]))


def all_passed():
    """So far."""
    return bool(RESULTS) and all(RESULTS)


def finish():
    """Exit status of the scenario. One that checked nothing has failed."""
    print('  %d checks, %d failed' % (len(RESULTS), RESULTS.count(False)))
    return 0 if all_passed() else 1
