/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first look over all memory: what stands out without knowing anything. */
#include <stdlib.h>
#include <string.h>

#include "memory/discover.h"

#define MOST 65536
#define TEXT_MOST (16u << 20)

static const char mark[] = "(XEN) Xen version ";
#define MARK (sizeof(mark) - 1)

static int add(uint64_t **v, size_t *n, size_t *room, uint64_t value, bool *full)
{
	if (*n >= MOST) {
		*full = true;
		return 0;
	}
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 64;
		uint64_t *p = realloc(*v, more * sizeof(*p));

		if (!p)
			return EMT_E_NOMEM;
		*v = p;
		*room = more;
	}
	(*v)[(*n)++] = value;
	return 0;
}

static int find_texts(struct emt_mem_look *l, const uint8_t *data, size_t len, uint64_t maddr)
{
	const uint8_t *p = data, *end = data + len;

	while ((p = memmem(p, (size_t)(end - p), mark, MARK))) {
		if (add(&l->texts, &l->nr_texts, &l->room_texts, maddr + (uint64_t)(p - data), &l->full))
			return EMT_E_NOMEM;
		p++;
	}
	return 0;
}

static int look_at(uint64_t mfn, const uint8_t *data, size_t frames, void *arg)
{
	struct emt_mem_look *l = arg;
	uint8_t joint[2 * 32];
	int rc = 0;

	/* text that spans two pieces */
	if (l->tail_next == mfn) {
		memcpy(joint, l->tail, 32);
		memcpy(joint + 32, data, 32);
		rc = find_texts(l, joint + 32 - (MARK - 1), 2 * (MARK - 1), (mfn << 12) - (MARK - 1));
	}
	if (!rc)
		rc = find_texts(l, data, frames * EMT_FRAME_SIZE, mfn << 12);
	for (size_t i = 0; i < frames && !rc; i++) {
		uint64_t page[512], slot, maddr = (mfn + i) << 12;

		memcpy(&slot, data + i * EMT_FRAME_SIZE + 258 * 8, 8);
		if (!(slot & 1) || (slot & EMT_EPTE_MFN_BITS) != maddr)
			continue;
		memcpy(page, data + i * EMT_FRAME_SIZE, sizeof(page));
		if (emt_xen_l4_like(page, maddr))
			rc = add(&l->l4, &l->nr_l4, &l->room_l4, maddr, &l->full);
	}
	memcpy(l->tail, data + frames * EMT_FRAME_SIZE - 32, 32);
	l->tail_next = mfn + frames;
	return rc;
}

int emt_mem_look(struct emt_mem *m, struct emt_mem_look *look, struct emt_err *err)
{
	int rc;

	*look = (struct emt_mem_look){ .tail_next = EMT_NO_FRAME };
	rc = emt_mem_scan(m, look_at, look, err);
	if (rc == EMT_E_NOMEM)
		emt_err_set(err, rc, emt_mem_path(m), NULL, "not enough memory to search it");
	if (rc)
		emt_mem_look_free(look);
	return rc;
}

void emt_mem_look_free(struct emt_mem_look *look)
{
	free(look->l4);
	free(look->texts);
	*look = (struct emt_mem_look){ 0 };
}

static bool is_text(uint8_t c)
{
	return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
}

/* Machine address of the first (or behind the last) byte of text around 'maddr'. */
static uint64_t text_end(struct emt_mem *m, uint64_t maddr, bool back)
{
	uint64_t at = maddr;

	while ((back ? maddr - at : at - maddr) < TEXT_MOST / 2) {
		uint64_t look = back ? at - 1 : at;
		const uint8_t *f = emt_mem_frame(m, look >> 12);

		if (!f || (back && !at))
			break;
		do {
			if (!is_text(f[look % EMT_FRAME_SIZE]))
				return at;
			at = back ? look : look + 1;
			look = back ? at - 1 : at;
		} while (back ? at % EMT_FRAME_SIZE : at % EMT_FRAME_SIZE != 0);
	}
	return at;
}

int emt_mem_text(struct emt_mem *m, uint64_t maddr, char **text, size_t *len, struct emt_err *err)
{
	uint64_t from = text_end(m, maddr, true), to = text_end(m, maddr, false);

	*len = (size_t)(to - from);
	*text = malloc(*len + 1);
	if (!*text)
		return emt_err_set(err, EMT_E_NOMEM, emt_mem_path(m), NULL,
				   "not enough memory for Xen's console text");
	if (emt_mem_read(m, from, *text, *len)) {
		free(*text);
		return emt_err_set(err, EMT_E_IO, emt_mem_path(m), NULL, "Xen's console text cannot be read");
	}
	(*text)[*len] = '\0';
	return 0;
}
