/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records what the console parser tells: counts, and a log with one line an event.
 */
#ifndef CONSOLE_RECORDER_H
#define CONSOLE_RECORDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/console.h"

#define DATA "tests/data/console/"

struct recorder {
	struct emt_console *c;
	char *log;
	size_t len, room;
	unsigned int dumps, entries, bad_lines, cut_entries, cut_heads, cut_tails, notes;
	unsigned int tables, iommu_entries, iommu_levels[4], iommu_perms[4], iommu_bad;
	unsigned int pending, ipat, pod, no_type, absent, no_frame, emts[8], perms[8], orders[19];
	int stop_at; /* entry at which to return an error, 0 = never */
	uint64_t end; /* gfn behind the last entry */
};

static __attribute__((format(printf, 2, 3))) void rec(struct recorder *r, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (r->len + (size_t)n + 2 > r->room) {
		r->room = (r->room + (size_t)n + 2) * 2;
		r->log = realloc(r->log, r->room);
		assert_non_null(r->log);
	}
	memcpy(r->log + r->len, line, (size_t)n);
	r->len += (size_t)n;
	r->log[r->len++] = '\n';
	r->log[r->len] = '\0';
}

static int rec_ept_begin(void *arg, uint32_t domid, unsigned long line)
{
	struct recorder *r = arg;

	r->dumps++;
	r->end = 0;
	rec(r, "%lu ept d%d", line, (int)domid);
	return 0;
}

static int rec_ept_entry(void *arg, const struct emt_run *e, unsigned long line)
{
	struct recorder *r = arg;
	char type[8], perm[4];

	r->entries++;
	r->pending += !!(e->flags & EMT_RUN_PENDING_ABOVE);
	r->ipat += e->ipat;
	r->pod += !!(e->flags & EMT_RUN_POD);
	r->no_type += !!(e->flags & EMT_RUN_NO_TYPE);
	r->absent += !e->perm && !(e->flags & EMT_RUN_POD);
	r->no_frame += e->mfn == EMT_NO_FRAME;
	if (!(e->flags & (EMT_RUN_POD | EMT_RUN_NO_TYPE))) {
		r->emts[e->emt]++;
		r->perms[e->perm]++;
	}
	r->orders[e->order]++;
	/* what every reader of entries may rely on */
	assert_int_equal(e->count, 1);
	assert_int_equal(e->gfn & ((1ULL << e->order) - 1), 0);
	assert_true(e->mfn == EMT_NO_FRAME || !(e->mfn & ((1ULL << e->order) - 1)));
	assert_true(e->gfn >= r->end);
	assert_int_equal(e->p2mt, EMT_P2M_UNKNOWN);
	assert_int_equal(e->access, 0xff);
	assert_int_equal(!(e->flags & EMT_RUN_PENDING_ABOVE), !(e->flags & EMT_RUN_IPAT_HIDDEN));
	r->end = e->gfn + (1ULL << e->order);
	emt_run_type_text(e, type);
	emt_perm_text(e->perm, perm);
	rec(r, "%lu entry %llx %u %llx %s %s", line, (unsigned long long)e->gfn, e->order,
	    (unsigned long long)e->mfn, perm, type);
	return r->stop_at && r->entries == (unsigned int)r->stop_at ? EMT_E_CANCELLED : 0;
}

static int rec_ept_dropped(void *arg, enum emt_console_drop what, unsigned long line)
{
	struct recorder *r = arg;

	if (what == EMT_DROP_LINE)
		r->bad_lines++;
	else
		r->cut_entries++;
	rec(r, "%lu dropped %s", line, what == EMT_DROP_LINE ? "line" : "entry");
	return 0;
}

static int rec_ept_end(void *arg, bool cut_head, bool cut_tail, unsigned long line)
{
	struct recorder *r = arg;

	r->cut_heads += cut_head;
	r->cut_tails += cut_tail;
	rec(r, "%lu ept end%s%s", line, cut_head ? " cut_head" : "", cut_tail ? " cut_tail" : "");
	return 0;
}

static int rec_iommu_begin(void *arg, uint32_t domid, bool shared, bool amd, unsigned int levels,
			   unsigned long line)
{
	struct recorder *r = arg;

	r->tables++;
	rec(r, "%lu iommu d%d%s%s levels %u", line, (int)domid, shared ? " shared" : "", amd ? " amd" : "",
	    levels);
	return 0;
}

static int rec_iommu_entry(void *arg, uint64_t dfn, uint64_t mfn, unsigned int perm, unsigned int level,
			   unsigned long line)
{
	struct recorder *r = arg;

	r->iommu_entries++;
	assert_in_range(level, 1, 3);
	assert_true(perm == 0xff || perm < 4);
	r->iommu_levels[level]++;
	if (perm != 0xff)
		r->iommu_perms[perm]++;
	rec(r, "%lu iommu %llx %llx %x %u", line, (unsigned long long)dfn, (unsigned long long)mfn, perm,
	    level);
	return 0;
}

static int rec_iommu_end(void *arg, unsigned long bad, unsigned long line)
{
	struct recorder *r = arg;

	r->iommu_bad += (unsigned int)bad;
	rec(r, "%lu iommu end", line);
	return 0;
}

static int rec_fact(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last,
		    uint32_t tag, unsigned long line)
{
	struct recorder *r = arg;

	if (emt_fact_descs[id].kind == EMT_FK_LIST)
		rec(r, "%s d%d %llx-%llx %u", emt_fact_descs[id].name, (int)domid, (unsigned long long)first,
		    (unsigned long long)last, tag);
	else
		rec(r, "%s d%d %llx %u", emt_fact_descs[id].name, (int)domid, (unsigned long long)first, tag);
	assert_non_null(emt_console_origin(r->c));
	assert_true(line && line <= emt_console_lines(r->c));
	return 0;
}

static int rec_fact_text(void *arg, enum emt_fact_id id, uint32_t domid, const char *text, unsigned long line)
{
	(void)line;
	rec(arg, "%s d%d \"%s\"", emt_fact_descs[id].name, (int)domid, text);
	return 0;
}

static int rec_list_begin(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	(void)line;
	rec(arg, "%s d%d begin", emt_fact_descs[id].name, (int)domid);
	return 0;
}

static int rec_list_whole(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	(void)line;
	rec(arg, "%s d%d whole", emt_fact_descs[id].name, (int)domid);
	return 0;
}

static int rec_mtrr(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		    unsigned long line)
{
	struct recorder *r = arg;

	(void)line;
	rec(r, "%s d%d v%u def %u e %u fe %u vcnt %u held %u %u", emt_fact_descs[id].name, (int)domid, vcpu,
	    m->def_type, m->e, m->fe, m->vcnt, m->def_held, m->fixed_held);
	for (unsigned int i = 0; i < m->vcnt; i++)
		rec(r, "  var %u %llx %llx held %u", i, (unsigned long long)m->var[i][0],
		    (unsigned long long)m->var[i][1], m->var_held[i]);
	for (unsigned int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		rec(r, "  fixed %u %llx", i, (unsigned long long)m->fixed[i]);
	return 0;
}

static int rec_about(void *arg, enum emt_console_about what, uint32_t domid, uint64_t value, const char *text,
		     unsigned long line)
{
	static const char *const names[] = { "uuid", "nr_pages", "eptp", "vcpus", "cmdline" };

	(void)line;
	rec(arg, "%s d%d %llx %s", names[what], (int)domid, (unsigned long long)value, text ? text : "-");
	return 0;
}

static int rec_note(void *arg, enum emt_note_level level, unsigned long line, const char *text)
{
	struct recorder *r = arg;

	(void)level;
	r->notes++;
	rec(r, "%lu note %s", line, text);
	return 0;
}

static const struct emt_console_ops rec_ops = {
	rec_ept_begin, rec_ept_entry, rec_ept_dropped, rec_ept_end, rec_iommu_begin, rec_iommu_entry,
	rec_iommu_end, rec_fact, rec_fact_text, rec_list_begin, rec_list_whole, rec_mtrr, rec_about, rec_note,
};

/* Parse 'len' bytes in pieces of 'piece' (0 = in one). */
static inline void rec_bytes(struct recorder *r, const char *text, size_t len, size_t piece)
{
	struct emt_err err = { 0 };

	memset(r, 0, sizeof(*r));
	r->log = calloc(1, 1);
	r->c = emt_console_new(&rec_ops, r);
	assert_non_null(r->c);
	for (size_t at = 0; at < len;) {
		size_t n = piece && len - at > piece ? piece : len - at;

		assert_int_equal(emt_console_feed(r->c, text + at, n, &err), 0);
		at += n;
	}
	assert_int_equal(emt_console_finish(r->c, &err), 0);
}

static inline void rec_text(struct recorder *r, const char *text)
{
	rec_bytes(r, text, strlen(text), 0);
}

static inline char *rec_slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long n;

	if (!f)
		fail_msg("cannot open %s (run from the top of the tree)", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = malloc((size_t)n + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)n, f), n);
	text[n] = '\0';
	*len = (size_t)n;
	fclose(f);
	return text;
}

static inline void rec_file(struct recorder *r, const char *name)
{
	char path[256];
	size_t len;
	char *text;

	snprintf(path, sizeof(path), DATA "%s", name);
	text = rec_slurp(path, &len);
	rec_bytes(r, text, len, 0);
	free(text);
}

static inline void rec_free(struct recorder *r)
{
	emt_console_free(r->c);
	free(r->log);
}

/* The log has this line, whole. */
static inline bool rec_has(const struct recorder *r, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = r->log; (at = strstr(at, line)); at++)
		if ((at == r->log || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

static inline unsigned int rec_count(const struct recorder *r, const char *part)
{
	unsigned int n = 0;

	for (const char *at = r->log; (at = strstr(at, part)); at++)
		n++;
	return n;
}

#define assert_log(r, line) \
	do { \
		if (!rec_has(r, line)) \
			fail_msg("no line \"%s\" in:\n%.3000s", line, (r)->log); \
	} while (0)

#endif
