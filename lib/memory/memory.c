/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOUR_GIB_FRAMES (1ull << 20)
/* QEMU puts no more below 4 GiB than this (q35: 2 GiB as soon as there is more) */
#define LOW_MAX 0xb0000ull
#define LOW_SPLIT 0x80000ull
#define SCAN_FRAMES 256

static int by_first(const void *a, const void *b)
{
	const struct mem_segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int mem_add_segment(struct emt_mem *m, uint64_t first, uint64_t last, uint64_t offset)
{
	if (m->nr_seg == m->room_seg) {
		size_t room = m->room_seg ? m->room_seg * 2 : 8;
		struct mem_segment *v = realloc(m->seg, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		m->seg = v;
		m->room_seg = room;
	}
	m->seg[m->nr_seg++] = (struct mem_segment){ first, last, offset };
	return 0;
}

static int nomem(const struct emt_mem *m, struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, m->path, NULL, "not enough memory to open it");
}

int mem_settle(struct emt_mem *m, struct emt_err *err)
{
	size_t to = 0;

	if (m->nr_seg)
		qsort(m->seg, m->nr_seg, sizeof(*m->seg), by_first);
	emt_ranges_free(&m->ram);
	for (size_t i = 0; i < m->nr_seg; i++) {
		struct mem_segment s = m->seg[i];

		/* of frames told twice the first telling counts */
		if (to && s.first <= m->seg[to - 1].last) {
			uint64_t cut = m->seg[to - 1].last + 1 - s.first;

			if (s.last <= m->seg[to - 1].last)
				continue;
			s.first += cut;
			s.offset += cut * EMT_FRAME_SIZE;
		}
		m->seg[to++] = s;
		if (emt_ranges_add(&m->ram, s.first, s.last, 0, 0))
			return nomem(m, err);
	}
	m->nr_seg = to;
	emt_ranges_normalise(&m->ram);
	if (!to)
		return emt_err_set(err, EMT_E_FORMAT, m->path, "give an image of machine memory",
				   "holds no whole frame of memory");
	return 0;
}

static int raw_layout(struct emt_mem *m, uint64_t low, struct emt_err *err)
{
	uint64_t frames = m->size / EMT_FRAME_SIZE;

	m->nr_seg = 0;
	if (low > frames)
		low = frames;
	if (low && mem_add_segment(m, 0, low - 1, 0))
		return nomem(m, err);
	if (frames > low &&
	    mem_add_segment(m, FOUR_GIB_FRAMES, FOUR_GIB_FRAMES + frames - low - 1, low * EMT_FRAME_SIZE))
		return nomem(m, err);
	return mem_settle(m, err);
}

static int open_raw(struct emt_mem *m, struct emt_err *err)
{
	uint64_t frames = m->size / EMT_FRAME_SIZE;

	return raw_layout(m, frames <= LOW_MAX ? frames : LOW_SPLIT, err);
}

/* Files that are something else, by their first bytes. */
static int refuse(const struct emt_mem *m, const uint8_t *head, struct emt_err *err)
{
	static const char elf[] =
		"take the dump again without compression (dump-guest-memory without -z, -l, -s)";

	if (!memcmp(head, "KDUMP   ", 8) || !memcmp(head, "makedumpfile", 12))
		return emt_err_set(err, EMT_E_FORMAT, m->path, elf,
				   "is a compressed dump, which is not read");
	if (!memcmp(head, "QEVM", 4) || !memcmp(head, "QFI\xfb", 4))
		return emt_err_set(err, EMT_E_FORMAT, m->path,
				   "use dump-guest-memory, or a memory-backend-file",
				   "is a saved machine or a disk of QEMU, not machine memory");
	if (!memcmp(head, "\x28\xb5\x2f\xfd", 4) ||
	    !memcmp(head,
		    "\xfd"
		    "7zXZ",
		    5) ||
	    !memcmp(head, "\x1f\x8b", 2))
		return emt_err_set(err, EMT_E_FORMAT, m->path, "unpack it first", "is compressed");
	return 0;
}

static struct emt_mem *new_mem(const char *path)
{
	struct emt_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->fd = -1;
	m->notes.xen_phys_start = EMT_NO_FRAME;
	m->path = strdup(path);
	m->cache = aligned_alloc(EMT_FRAME_SIZE, MEM_CACHE * EMT_FRAME_SIZE);
	if (!m->path || !m->cache) {
		emt_mem_close(m);
		return NULL;
	}
	return m;
}

int emt_mem_open(struct emt_mem **out, const char *path, struct emt_err *err)
{
	uint8_t head[16] = { 0 };
	struct emt_mem *m = new_mem(path);
	struct stat st;
	int rc;

	*out = NULL;
	if (!m)
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to open it");
	m->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->fd < 0 || fstat(m->fd, &st)) {
		rc = emt_err_errno(err,
				   errno == ENOENT           ? EMT_E_NOSOURCE
					   : errno == EACCES ? EMT_E_PERM
							     : EMT_E_IO,
				   path, "name an image, a core or a capture with table pages",
				   "cannot be opened");
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = emt_err_set(err, EMT_E_FORMAT, path, "copy the memory into a file first",
				 "is no regular file");
		goto out;
	}
	m->size = (uint64_t)st.st_size;
	if (pread(m->fd, head, sizeof(head), 0) < 0) {
		rc = emt_err_errno(err, EMT_E_IO, path, NULL, "cannot be read");
		goto out;
	}
	rc = refuse(m, head, err);
	if (rc)
		goto out;
	m->kind = !memcmp(head, "\177ELF", 4) ? EMT_MEM_ELF : EMT_MEM_RAW;
	rc = m->kind == EMT_MEM_ELF ? mem_open_elf(m, err) : open_raw(m, err);
out:
	if (rc)
		emt_mem_close(m);
	else
		*out = m;
	return rc;
}

int emt_mem_pages(struct emt_mem **out, const char *name, struct emt_err *err)
{
	struct emt_mem *m = new_mem(name);

	*out = m;
	if (!m)
		return emt_err_set(err, EMT_E_NOMEM, name, NULL, "not enough memory to keep its pages");
	m->kind = EMT_MEM_PAGES;
	return 0;
}

static size_t page_slot(const struct emt_mem *m, uint64_t mfn)
{
	size_t i = (size_t)((mfn + 1) * 0x9e3779b97f4a7c15ull >> 32) & (m->room_pages - 1);

	while (m->keys[i] && m->keys[i] != mfn + 1)
		i = (i + 1) & (m->room_pages - 1);
	return i;
}

static int grow_pages(struct emt_mem *m)
{
	size_t old = m->room_pages, room = old ? old * 2 : 64;
	uint64_t *keys = m->keys, *new_keys = calloc(room, sizeof(*keys));
	uint8_t **pages = m->pages, **new_pages = calloc(room, sizeof(*pages));

	if (!new_keys || !new_pages) {
		free(new_keys);
		free(new_pages);
		return EMT_E_NOMEM;
	}
	m->keys = new_keys;
	m->pages = new_pages;
	m->room_pages = room;
	for (size_t i = 0; i < old; i++)
		if (keys[i]) {
			size_t at = page_slot(m, keys[i] - 1);

			new_keys[at] = keys[i];
			new_pages[at] = pages[i];
		}
	free(keys);
	free(pages);
	return 0;
}

int emt_mem_put(struct emt_mem *m, uint64_t mfn, const void *page)
{
	uint8_t *copy;
	size_t i;

	if (m->nr_pages * 2 >= m->room_pages && grow_pages(m))
		return EMT_E_NOMEM;
	i = page_slot(m, mfn);
	if (m->keys[i]) {
		memcpy(m->pages[i], page, EMT_FRAME_SIZE);
		return 0;
	}
	copy = aligned_alloc(EMT_FRAME_SIZE, EMT_FRAME_SIZE);
	if (!copy)
		return EMT_E_NOMEM;
	memcpy(copy, page, EMT_FRAME_SIZE);
	m->keys[i] = mfn + 1;
	m->pages[i] = copy;
	m->nr_pages++;
	return 0;
}

void emt_mem_close(struct emt_mem *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	for (size_t i = 0; i < m->room_pages; i++)
		free(m->pages[i]);
	free(m->pages);
	free(m->keys);
	free(m->seg);
	emt_ranges_free(&m->ram);
	free(m->cache);
	free(m->path);
	free(m);
}

enum emt_mem_kind emt_mem_kind(const struct emt_mem *m)
{
	return m->kind;
}

const char *emt_mem_kind_name(const struct emt_mem *m)
{
	static const char *const names[] = { "raw image", "ELF core", "table pages" };

	return names[m->kind];
}

const char *emt_mem_path(const struct emt_mem *m)
{
	return m->path;
}

const struct emt_mem_notes *emt_mem_notes(const struct emt_mem *m)
{
	return &m->notes;
}

const struct emt_ranges *emt_mem_ram(const struct emt_mem *m)
{
	return &m->ram;
}

bool emt_mem_is_ram(const struct emt_mem *m, uint64_t mfn)
{
	if (m->kind == EMT_MEM_PAGES)
		return m->nr_pages && m->keys[page_slot(m, mfn)];
	return emt_ranges_find(&m->ram, mfn) != NULL;
}

/* A raw image that holds memory on both sides of the hole below 4 GiB: how much is
 * below follows from its size and from where the RAM above ends. */
static int raw_by_e820(struct emt_mem *m, const struct emt_ranges *e820, struct emt_err *err)
{
	uint64_t frames = m->size / EMT_FRAME_SIZE, top = 0;

	for (size_t i = 0; i < e820->n; i++)
		if (e820->v[i].tag == 1 && e820->v[i].last >= FOUR_GIB_FRAMES && e820->v[i].last > top)
			top = e820->v[i].last;
	if (top && top - FOUR_GIB_FRAMES + 1 >= frames)
		return emt_err_set(err, EMT_E_FORMAT, m->path, "give the whole memory of the machine",
				   "is smaller than the RAM above 4 GiB that its boot log lists");
	return raw_layout(m, top ? frames - (top - FOUR_GIB_FRAMES + 1) : frames, err);
}

int emt_mem_set_e820(struct emt_mem *m, const struct emt_ranges *e820, struct emt_err *err)
{
	struct emt_ranges cut = { 0 };
	int rc = m->kind == EMT_MEM_RAW ? raw_by_e820(m, e820, err) : mem_settle(m, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < e820->n && !rc; i++)
		for (size_t k = 0; k < m->ram.n && !rc; k++) {
			uint64_t first = e820->v[i].first, last = e820->v[i].last;

			if (e820->v[i].tag != 1)
				continue;
			if (m->ram.v[k].first > first)
				first = m->ram.v[k].first;
			if (m->ram.v[k].last < last)
				last = m->ram.v[k].last;
			if (first <= last)
				rc = emt_ranges_add(&cut, first, last, 0, 0);
		}
	if (rc || !cut.n) {
		emt_ranges_free(&cut);
		return rc ? nomem(m, err) : emt_err_set(err, EMT_E_FORMAT, m->path, NULL,
							"holds none of the RAM that the host E820 lists");
	}
	emt_ranges_normalise(&cut);
	emt_ranges_free(&m->ram);
	m->ram = cut;
	return 0;
}

static const struct mem_segment *segment(const struct emt_mem *m, uint64_t mfn)
{
	size_t lo = 0, hi = m->nr_seg;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->seg[mid].last < mfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->nr_seg && m->seg[lo].first <= mfn ? &m->seg[lo] : NULL;
}

static bool read_all(int fd, void *buf, size_t len, uint64_t offset)
{
	uint8_t *to = buf;

	while (len) {
		ssize_t n = pread(fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

const void *emt_mem_frame(struct emt_mem *m, uint64_t mfn)
{
	const struct mem_segment *s;
	uint8_t *slot;

	if (!emt_mem_is_ram(m, mfn))
		return NULL;
	if (m->kind == EMT_MEM_PAGES) {
		m->reads++;
		if (m->log)
			m->log(mfn, m->log_arg);
		return m->pages[page_slot(m, mfn)];
	}
	s = segment(m, mfn);
	slot = m->cache + (m->turn++ % MEM_CACHE) * EMT_FRAME_SIZE;
	if (!s)
		return NULL;
	m->reads++;
	if (m->log)
		m->log(mfn, m->log_arg);
	return read_all(m->fd, slot, EMT_FRAME_SIZE, s->offset + (mfn - s->first) * EMT_FRAME_SIZE) ? slot
												    : NULL;
}

int emt_mem_read(struct emt_mem *m, uint64_t maddr, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		size_t at = maddr % EMT_FRAME_SIZE, n = EMT_FRAME_SIZE - at < len ? EMT_FRAME_SIZE - at : len;
		const uint8_t *f = emt_mem_frame(m, maddr / EMT_FRAME_SIZE);

		if (!f)
			return EMT_E_IO;
		memcpy(to, f + at, n);
		to += n;
		maddr += n;
		len -= n;
	}
	return 0;
}

void emt_mem_set_log(struct emt_mem *m, emt_mem_log *log, void *arg)
{
	m->log = log;
	m->log_arg = arg;
}

uint64_t emt_mem_reads(const struct emt_mem *m)
{
	return m->reads;
}

static const uint64_t *walker_frame(void *arg, uint64_t mfn)
{
	return emt_mem_frame(arg, mfn);
}

static bool walker_ram(void *arg, uint64_t mfn)
{
	return emt_mem_is_ram(arg, mfn);
}

struct emt_memory emt_mem_memory(struct emt_mem *m)
{
	return (struct emt_memory){ .frame = walker_frame, .arg = m, .ram = walker_ram };
}

/* First frame from 'mfn' on whose data is no hole of a sparse file. */
static uint64_t skip_hole(const struct emt_mem *m, const struct mem_segment *s, uint64_t mfn)
{
	off_t at = (off_t)(s->offset + (mfn - s->first) * EMT_FRAME_SIZE), data = lseek(m->fd, at, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? s->last + 1 : mfn;
	return mfn + (uint64_t)(data - at) / EMT_FRAME_SIZE;
}

int emt_mem_scan(struct emt_mem *m, int (*cb)(uint64_t mfn, const uint8_t *data, size_t frames, void *arg),
		 void *arg, struct emt_err *err)
{
	uint8_t *buf;
	int rc = 0;

	if (m->kind == EMT_MEM_PAGES)
		return 0;
	buf = aligned_alloc(EMT_FRAME_SIZE, SCAN_FRAMES * EMT_FRAME_SIZE);
	if (!buf)
		return nomem(m, err);
	for (size_t i = 0; i < m->ram.n && !rc; i++)
		for (uint64_t mfn = m->ram.v[i].first; mfn <= m->ram.v[i].last && !rc;) {
			const struct mem_segment *s = segment(m, mfn);
			uint64_t n = SCAN_FRAMES, at;

			if (!s)
				break;
			at = skip_hole(m, s, mfn);
			if (at > s->last || at > m->ram.v[i].last) {
				mfn = s->last + 1;
				continue;
			}
			mfn = at;
			if (n > s->last - mfn + 1)
				n = s->last - mfn + 1;
			if (n > m->ram.v[i].last - mfn + 1)
				n = m->ram.v[i].last - mfn + 1;
			if (!read_all(m->fd, buf, n * EMT_FRAME_SIZE,
				      s->offset + (mfn - s->first) * EMT_FRAME_SIZE))
				rc = emt_err_errno(err, EMT_E_IO, m->path, NULL,
						   "cannot be read at frame %#llx", (unsigned long long)mfn);
			else
				rc = cb(mfn, buf, n, arg);
			for (uint64_t k = 0; m->log && k < n; k++)
				m->log(mfn + k, m->log_arg);
			m->reads += n;
			mfn += n;
		}
	free(buf);
	return rc;
}
