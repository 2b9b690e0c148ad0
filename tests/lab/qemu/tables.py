# SPDX-License-Identifier: GPL-2.0-or-later
"""The outside walk: NPT, VT-d and AMD-Vi tables read straight from a machine's
memory, with nothing of emt in it. Also what debug keys v and o print of them.

A leaf is a tuple (frame, order, mfn, perm, type):
  perm  'rwx' letters or '-' (IOMMU tables: two letters), type: software bits of
  an NPT entry (p2m type), None for IOMMU tables.
"""
import mmap
import re
import struct

ADDRESS = 0x000ffffffffff000


class Image:
    """A raw image (offset = address) or an ELF core, by machine address."""

    def __init__(self, path):
        f = open(path, 'rb')
        self.map = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        self.parts = [(0, len(self.map), 0)]  # address, length, offset
        if self.map[:4] == b'\x7fELF':
            offset, = struct.unpack_from('<Q', self.map, 0x20)
            size, count = struct.unpack_from('<HH', self.map, 0x36)
            self.parts = []
            for i in range(count):
                kind, _, off, _, address, length = struct.unpack_from('<IIQQQQ', self.map, offset + i * size)
                if kind == 1:
                    self.parts.append((address, length, off))

    def page(self, address):
        """Eight-byte words of the page; None where there is no memory."""
        for start, length, offset in self.parts:
            if start <= address and address + 4096 <= start + length:
                return struct.unpack_from('<512Q', self.map, offset + address - start)
        return None


def npt(image, root, places=None):
    """Leaves of Xen's nested table for AMD (4.7 on), in order: everything that
    is present, and what is not but has a type (populate on demand, ...).
    'places' gets the machine address of each."""
    leaves = []

    def table(address, level, gfn):
        words = image.page(address)
        if words is None:
            raise ValueError('table at %#x is not in memory' % address)
        for i, e in enumerate(words):
            at = gfn | i << 9 * (level - 1)
            kind = e >> 52 & 0x7f
            if not e & 1 and not kind:
                continue
            if level > 1 and e & 1 and not e & 0x80:
                table(e & ADDRESS, level - 1, at)
                continue
            order = 9 * (level - 1)
            perm = '---' if not e & 1 else 'r' + ('w' if e & 2 else '-') + ('-' if e >> 63 else 'x')
            # the low frame bits of a large page hold its PAT bit
            mfn = (e & ADDRESS) >> 12 & ~((1 << order) - 1)
            leaves.append((at, order, mfn, perm, kind))
            if places is not None:
                places.append(address + i * 8)

    table(root, 4, 0)
    return leaves


def vtd(image, root, levels):
    """Leaves of a VT-d second-level table."""
    leaves = []

    def table(address, level, dfn):
        words = image.page(address)
        if words is None:
            raise ValueError('table at %#x is not in memory' % address)
        for i, e in enumerate(words):
            at = dfn | i << 9 * (level - 1)
            if not e & 3:
                continue
            if level > 1 and not e & 0x80:
                table(e & ADDRESS, level - 1, at)
                continue
            perm = ('r' if e & 1 else '-') + ('w' if e & 2 else '-')
            leaves.append((at, 9 * (level - 1), (e & ADDRESS) >> 12, perm, None))

    table(root, levels, 0)
    return leaves


def amdvi(image, root, levels):
    """Leaves of an AMD-Vi table: each entry names the level of what it points to."""
    leaves = []

    def table(address, level, dfn):
        words = image.page(address)
        if words is None:
            raise ValueError('table at %#x is not in memory' % address)
        for i, e in enumerate(words):
            at = dfn | i << 9 * (level - 1)
            if not e & 1:
                continue
            next_level = e >> 9 & 7
            if next_level:
                table(e & ADDRESS, next_level, at)
                continue
            perm = ('r' if e >> 61 & 1 else '-') + ('w' if e >> 62 & 1 else '-')
            leaves.append((at, 9 * (level - 1), (e & ADDRESS) >> 12, perm, None))

    table(root, levels, 0)
    return leaves


def vtd_root(image, root_table, devfn):
    """(address, levels, domain field) of a device on bus 0, by root and context entry."""
    context = image.page(root_table & ADDRESS)[0] & ADDRESS
    words = image.page(context)
    low, high = words[2 * devfn], words[2 * devfn + 1]
    return low & ADDRESS, (high & 7) + 2, high >> 8 & 0xffff


def amdvi_root(image, device_table, bdf):
    """(address, levels, domain field) of a device, by its device table entry."""
    at = (device_table & ADDRESS) + bdf * 32
    words = image.page(at & ~0xfff)
    low, high = words[at % 4096 // 8], words[at % 4096 // 8 + 1]
    return low & ADDRESS, low >> 9 & 7, high & 0xffff


def roots_of_key_v(text):
    """{domain: root}: H_CR3 of its first vCPU."""
    roots, domain = {}, None
    for line in text.splitlines():
        m = re.search(r'>>> Domain (\d+) <<<', line)
        if m:
            domain = int(m.group(1))
        m = re.search(r'\bH_CR3 = (0x[0-9a-f]+)', line)
        if m and domain is not None:
            roots.setdefault(domain, int(m.group(1), 16))
    return roots


def leaves_of_key_o(text):
    """{domain: leaves}. The depth of the indent tells the size of a page."""
    tables, leaves, levels = {}, None, 0
    for line in text.splitlines():
        m = re.search(r'\bd(\d+) table has (\d+) levels', line)
        if m:
            levels = int(m.group(2))
            leaves = tables.setdefault(int(m.group(1)), [])
            continue
        m = re.match(r'\(XEN\)( +)dfn: ([0-9a-f]+) +mfn: ([0-9a-f]+) +([r-][w-])', line)
        if m and leaves is not None:
            order = 9 * (levels - len(m.group(1)))
            leaves.append((int(m.group(2), 16), order, int(m.group(3), 16), m.group(4), None))
    return tables


def guest(image, frame, cr3, mode):
    """Pages of a guest's own tables: {linear page: (gfn, slot of the PAT)}. 'frame' tells the
    machine frame behind a gfn, or None; mode is 32bit, pae or 4level."""
    width, bits = (4, 10) if mode == '32bit' else (8, 9)
    pages = {}

    def table(at, level, va):
        words = image.page(frame(at >> 12) << 12)
        words = struct.unpack('<%d%s' % (4096 // width, 'I' if width == 4 else 'Q'), struct.pack('<512Q', *words))
        if mode == 'pae' and level == 3:
            words = words[(at & 0xfe0) // 8:][:4]
        for i, e in enumerate(words):
            here = va | i << bits * (level - 1)
            large = level in (2, 3) and e & 0x80 and not (mode == 'pae' and level == 3)
            if not e & 1:
                continue
            if level > 1 and not large:
                table(e & ADDRESS, level - 1, here)
                continue
            count = 1 << bits * (level - 1)
            first = ((e & ADDRESS) >> 12) & ~(count - 1)
            slot = e >> 3 & 3 | (e >> (12 if large else 7) & 1) << 2
            for k in range(count):
                pages[here + k] = (first + k, slot)

    table(cr3, {'32bit': 2, 'pae': 3, '4level': 4}[mode], 0)
    return pages


def write(leaves, path):
    """One leaf a line: frame order mfn perm type, hexadecimal frames."""
    with open(path, 'w') as f:
        for frame, order, mfn, perm, kind in leaves:
            f.write('%#x %d %#x %s %s\n' % (frame, order, mfn, perm, '-' if kind is None else kind))
