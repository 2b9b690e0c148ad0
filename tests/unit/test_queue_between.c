/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What IOMMUs were told between two images of a machine: which commands are new, whose
 * domain they concern by the hardware's own ids, and what that says of a flush.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/flush_between.h"
#include "xen_image.h"

#define DID 5
#define QUEUE IMG_SPARE
#define CONTEXT (IMG_SPARE + 4)
#define AMD_QUEUE (IMG_SPARE + 6)
#define DEVICES (IMG_SPARE + 8)

static struct xen_image old, new;

static void put(struct xen_image *x, unsigned int slot, uint64_t low, uint64_t high)
{
	x->frame[QUEUE][2 * slot] = low;
	x->frame[QUEUE][2 * slot + 1] = high;
}

static void put_wait(struct xen_image *x, unsigned int slot)
{
	put(x, slot, 0x5 | 1 << 5 | (uint64_t)slot << 32, 0x1000);
}

/* 2^order frames of a domain; VT-d. */
static void put_flush(struct xen_image *x, unsigned int slot, unsigned int did, uint64_t dfn, unsigned int order, bool leaf_only)
{
	put(x, slot, 0x2 | 3 << 4 | (uint64_t)did << 16, dfn << 12 | (uint64_t)leaf_only << 6 | order);
}

static void build(struct xen_image *x, unsigned int slots)
{
	xen_image_build(x, true);
	for (unsigned int i = 0; i < slots; i += 2) {
		put_flush(x, i, 9, 0x100 + i, 0, false);
		put_wait(x, i + 1);
	}
	/* a device of the guest: its context entry names the VT-d tables */
	x->frame[CONTEXT][8] = (uint64_t)IMG_VTD << 12 | 1;
	x->frame[CONTEXT][9] = DID << 8 | 2;
}

static void spec_of(struct emt_source_spec *spec, const struct xen_image *x, char *path)
{
	char text[64];

	strcpy(path, "/tmp/emt-between-XXXXXX");
	assert_int_equal(xen_image_write(x, path, false), 0);
	snprintf(text, sizeof(text), "mem:%s", path);
	assert_int_equal(emt_source_parse(spec, text, NULL), 0);
}

static struct emt_queue_between *between(struct emt_err *err)
{
	struct emt_source_spec a, b;
	struct emt_queue_between *q;
	char pa[32], pb[32];

	spec_of(&a, &old, pa);
	spec_of(&b, &new, pb);
	memset(err, 0, sizeof(*err));
	emt_queue_between_new(&q, &a, &b, err);
	unlink(pa);
	unlink(pb);
	return q;
}

static void seen_or_not(void **state)
{
	const struct emt_queue_window *w;
	struct emt_queue_between *q;
	struct emt_err err;

	(void)state;
	build(&old, 20);
	put_flush(&old, 4, DID, 0x300, 0, false); /* of before */
	new = old;
	put_flush(&new, 20, DID, 0x40, 3, false);
	put_wait(&new, 21);
	put_flush(&new, 22, DID, 0x48, 1, true);
	put_wait(&new, 23);
	put_flush(&new, 24, 9, 0x60, 4, false); /* another domain's */
	put_wait(&new, 25);
	q = between(&err);
	assert_non_null(q);
	w = emt_queue_between_window(q);
	assert_int_equal(w->queues, 1);
	assert_int_equal(w->slots, 256);
	assert_int_equal(w->changed, 6);
	assert_int_equal(w->empty, 230);
	assert_false(w->round);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x47, false), EMT_EVIDENCE_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x41, 0x41, true), EMT_EVIDENCE_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x44, 0x49, false), EMT_EVIDENCE_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x44, 0x49, true), EMT_EVIDENCE_PARTLY); /* leaves only */
	assert_int_equal(emt_queue_between_look(q, 1, 0x30, 0x40, false), EMT_EVIDENCE_PARTLY);
	assert_int_equal(emt_queue_between_look(q, 1, 0x60, 0x60, false), EMT_EVIDENCE_NOT_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x300, 0x300, false), EMT_EVIDENCE_NOT_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0, UINT64_MAX >> 12, false), EMT_EVIDENCE_PARTLY);
	assert_int_equal(emt_queue_between_look(q, 7, 0x40, 0x47, false), EMT_EVIDENCE_NO_DEVICE);
	emt_queue_between_free(q);
	/* everything of the domain; then everything at all */
	put(&new, 24, 0x2 | 2 << 4 | DID << 16, 0);
	q = between(&err);
	assert_int_equal(emt_queue_between_look(q, 1, 0x300, 0x5ff, true), EMT_EVIDENCE_SEEN);
	emt_queue_between_free(q);
	put(&new, 24, 0x2 | 1 << 4, 0);
	q = between(&err);
	assert_int_equal(emt_queue_between_look(q, 1, 0x300, 0x5ff, true), EMT_EVIDENCE_SEEN);
	emt_queue_between_free(q);
}

/* All slots hold something new: what is not there may have been. */
static void went_round(void **state)
{
	struct emt_queue_between *q;
	struct emt_err err;

	(void)state;
	build(&old, 256);
	new = old;
	for (unsigned int i = 0; i < 256; i += 2) {
		put_flush(&new, i, 8, i, 0, false);
		put(&new, i + 1, 0x5 | 1 << 5 | 7ull << 40, 0x1000);
	}
	q = between(&err);
	assert_true(emt_queue_between_window(q)->round);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x40, false), EMT_EVIDENCE_MAY_BE);
	emt_queue_between_free(q);
	new.frame[QUEUE][0] = old.frame[QUEUE][0];
	new.frame[QUEUE][1] = old.frame[QUEUE][1];
	q = between(&err);
	assert_false(emt_queue_between_window(q)->round);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x40, false), EMT_EVIDENCE_NOT_SEEN);
	emt_queue_between_free(q);
}

/* Two IOMMUs know the domain by ids of their own: both must be told. */
static void several_ids(void **state)
{
	struct emt_queue_between *q;
	struct emt_err err;

	(void)state;
	build(&old, 20);
	new = old;
	new.frame[CONTEXT][16] = (uint64_t)IMG_VTD << 12 | 1;
	new.frame[CONTEXT][17] = 6 << 8 | 2;
	put_flush(&new, 20, DID, 0x40, 3, false);
	q = between(&err);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x47, false), EMT_EVIDENCE_NOT_SEEN);
	emt_queue_between_free(q);
	put_flush(&new, 22, 6, 0x40, 2, false);
	q = between(&err);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x43, false), EMT_EVIDENCE_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x47, false), EMT_EVIDENCE_PARTLY);
	emt_queue_between_free(q);
}

static void amd(void **state)
{
	struct emt_queue_between *q;
	struct emt_err err;

	(void)state;
	xen_image_build(&old, false);
	for (unsigned int i = 0; i < 20; i += 2) {
		old.frame[AMD_QUEUE][2 * i] = 3ull << 60 | 9ull << 32;
		old.frame[AMD_QUEUE][2 * i + 1] = 0x100000ull + i * 4096;
		old.frame[AMD_QUEUE][2 * i + 2] = 1ull << 60 | 0x1001;
	}
	new = old;
	/* a device table entry: valid, three levels, r and w */
	new.frame[DEVICES][32] = 3ull << 61 | (uint64_t)IMG_VTD << 12 | 3 << 9 | 3;
	new.frame[DEVICES][33] = DID;
	new.frame[AMD_QUEUE][40] = 3ull << 60 | (uint64_t)DID << 32;
	new.frame[AMD_QUEUE][41] = 0x40ull << 12;
	q = between(&err);
	assert_non_null(q);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x40, false), EMT_EVIDENCE_SEEN);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x40, true), EMT_EVIDENCE_NOT_SEEN); /* PDE is clear */
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x41, false), EMT_EVIDENCE_PARTLY);
	emt_queue_between_free(q);
}

/* What looks like an entry and is none: a page table's, a struct's, one of another root. */
static void no_entry(void **state)
{
	struct emt_queue_between *q;
	struct emt_err err;

	(void)state;
	build(&old, 20);
	old.frame[CONTEXT][8] = (uint64_t)IMG_VTD << 12 | 0x063; /* a PTE of Xen's direct map */
	old.frame[CONTEXT][16] = (uint64_t)IMG_VTD << 12;        /* not present */
	old.frame[CONTEXT][17] = 7 << 8 | 2;
	old.frame[CONTEXT][24] = (uint64_t)(IMG_VTD + 1) << 12 | 1; /* another table */
	old.frame[CONTEXT][25] = 7 << 8 | 2;
	old.frame[CONTEXT][32] = (uint64_t)IMG_VTD << 12 | 1; /* reserved bits */
	old.frame[CONTEXT][33] = 1ull << 40 | 7 << 8 | 2;
	new = old;
	q = between(&err);
	assert_int_equal(emt_queue_between_look(q, 1, 0x40, 0x40, false), EMT_EVIDENCE_NO_DEVICE);
	emt_queue_between_free(q);
	/* no queue at all, and no image */
	xen_image_build(&new, true);
	assert_null(between(&err));
	assert_int_equal(err.code, EMT_E_MISSING);
	assert_non_null(strstr(err.text, "no command queue"));
}

/* What evidence does to a verdict. */
static void findings(void **state)
{
	struct emt_flush_group g = { .worst = { .change = EMT_FLC_REMOVED, .verdict = EMT_FL_OK, .need_tlb = EMT_FL_FLUSH,
						.before = EMT_R | EMT_W }, .certain = true };

	(void)state;
	assert_null(emt_flush_finding_name(&g));
	g.evidence = EMT_EVIDENCE_SEEN;
	assert_null(emt_flush_finding_name(&g));
	g.evidence = EMT_EVIDENCE_MAY_BE;
	assert_null(emt_flush_finding_name(&g));
	g.evidence = EMT_EVIDENCE_NO_DEVICE;
	assert_null(emt_flush_finding_name(&g));
	g.evidence = EMT_EVIDENCE_NOT_SEEN;
	assert_string_equal(emt_flush_finding_name(&g), "flush-not-seen");
	assert_int_equal(emt_flush_severity(&g), EMT_SEV_WARNING);
	g.worst.verdict = EMT_FL_MISSED;
	assert_string_equal(emt_flush_finding_name(&g), "flush-missed");
	assert_int_equal(emt_flush_severity(&g), EMT_SEV_CRITICAL);
	g.worst.change = EMT_FLC_PERM;
	assert_int_equal(emt_flush_severity(&g), EMT_SEV_ERROR);
	g.evidence = EMT_EVIDENCE_SEEN;
	assert_int_equal(emt_flush_severity(&g), EMT_SEV_WARNING);
	g.evidence = EMT_EVIDENCE_RULE;
	g.certain = false;
	assert_int_equal(emt_flush_severity(&g), EMT_SEV_WARNING);
	g.worst.need_tlb = EMT_FL_NO_FLUSH;
	g.worst.verdict = EMT_FL_SPURIOUS;
	g.evidence = EMT_EVIDENCE_NOT_SEEN;
	assert_null(emt_flush_finding_name(&g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen_or_not), cmocka_unit_test(went_round), cmocka_unit_test(several_ids),
		cmocka_unit_test(amd), cmocka_unit_test(no_entry), cmocka_unit_test(findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
