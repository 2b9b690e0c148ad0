/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU tables as capture records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/iommu_blob.h"

#define PARTS_MAX 4096

struct parts {
	struct { uint8_t *p; size_t len; } v[PARTS_MAX];
	size_t n;
};

static int keep(const void *data, size_t len, void *arg)
{
	struct parts *p = arg;

	assert_true(p->n < PARTS_MAX);
	p->v[p->n].p = malloc(len);
	memcpy(p->v[p->n].p, data, len);
	p->v[p->n++].len = len;
	return 0;
}

static void free_parts(struct parts *p)
{
	while (p->n)
		free(p->v[--p->n].p);
}

struct runs {
	struct emt_iommu_run v[8192];
	size_t n;
};

static int add_run(const struct emt_iommu_run *r, void *arg)
{
	struct runs *rs = arg;

	assert_true(rs->n < 8192);
	rs->v[rs->n++] = *r;
	return 0;
}

static void joins(void **state)
{
	struct emt_iommu_writer w;
	struct emt_iommu_head h;
	struct parts p = { .n = 0 };
	struct runs rs = { .n = 0 };

	(void)state;
	assert_int_equal(emt_iommu_writer_init(&w, 0, keep, &p), 0);
	emt_iommu_writer_begin(&w, 7, EMT_IOMT_AMD, 4);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(emt_iommu_writer_put(&w, i, 0x1000 + i, 3, 1), 0);
	for (uint64_t i = 0; i < 10; i++) /* mfns fall: no runs; no permissions */
		emt_iommu_writer_put(&w, 200 + i, 0x900 - i, 0xff, 1);
	emt_iommu_writer_put(&w, 0x400, 0xfffff00000000, 1, 2);
	emt_iommu_writer_put(&w, 0x600, 0xfffff00000200, 1, 2);
	emt_iommu_writer_put(&w, 0x40000, 0, 2, 3);
	assert_int_equal(emt_iommu_writer_end(&w, 5), 0);
	emt_iommu_writer_begin(&w, 8, EMT_IOMT_SHARED, 0);
	assert_int_equal(emt_iommu_writer_end(&w, 0), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(emt_iommu_read(p.v[0].p, p.v[0].len, &h, add_run, &rs, NULL), 0);
	assert_int_equal(h.domid, 7);
	assert_int_equal(h.flags, EMT_IOMT_AMD | EMT_IOMT_LAST);
	assert_int_equal(h.levels, 4);
	assert_int_equal(h.table, 0);
	assert_int_equal(h.bad, 5);
	assert_int_equal(h.runs, 13);
	assert_int_equal(rs.n, 13);
	assert_int_equal(rs.v[0].count, 100);
	assert_int_equal(rs.v[0].mfn, 0x1000);
	assert_int_equal(rs.v[10].dfn, 209);
	assert_int_equal(rs.v[10].mfn, 0x900 - 9);
	assert_int_equal(rs.v[10].perm, 0xff);
	assert_int_equal(rs.v[11].mfn, 0xfffff00000000);
	assert_int_equal(rs.v[11].count, 2);
	assert_int_equal(rs.v[11].level, 2);
	assert_int_equal(rs.v[12].dfn, 0x40000);
	assert_int_equal(rs.v[12].mfn, 0);
	assert_int_equal(emt_iommu_read(p.v[1].p, p.v[1].len, &h, add_run, &rs, NULL), 0);
	assert_int_equal(h.table, 1);
	assert_int_equal(h.flags, EMT_IOMT_SHARED | EMT_IOMT_LAST);
	assert_int_equal(rs.n, 13);
	emt_iommu_writer_free(&w);
	free_parts(&p);
}

/* Small parts: together they hold the same. */
static void parts(void **state)
{
	struct emt_iommu_writer w;
	struct emt_iommu_head h;
	struct parts p = { .n = 0 };
	struct runs rs = { .n = 0 };
	uint64_t seed = 12345;

	(void)state;
	assert_int_equal(emt_iommu_writer_init(&w, 100, keep, &p), 0);
	emt_iommu_writer_begin(&w, 1, 0, 3);
	for (uint64_t i = 0; i < 2000; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		assert_int_equal(emt_iommu_writer_put(&w, i * 3, seed >> 13, (unsigned int)i & 3, 1), 0);
	}
	assert_int_equal(emt_iommu_writer_end(&w, 0), 0);
	assert_true(p.n > 100);
	for (size_t i = 0; i < p.n; i++) {
		assert_true(p.v[i].len <= 100);
		assert_int_equal(emt_iommu_read(p.v[i].p, p.v[i].len, &h, add_run, &rs, NULL), 0);
		assert_int_equal(h.part, i);
		assert_int_equal(!!(h.flags & EMT_IOMT_LAST), i + 1 == p.n);
	}
	assert_int_equal(rs.n, 2000);
	seed = 12345;
	for (uint64_t i = 0; i < 2000; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		assert_int_equal(rs.v[i].dfn, i * 3);
		assert_int_equal(rs.v[i].mfn, seed >> 13);
		assert_int_equal(rs.v[i].perm, i & 3);
	}
	emt_iommu_writer_free(&w);
	free_parts(&p);
}

/* Whatever is changed or cut: an error or runs that make sense, never a crash. */
static void damage(void **state)
{
	struct emt_iommu_writer w;
	struct emt_iommu_head h;
	struct emt_err err;
	struct parts p = { .n = 0 };
	struct runs *rs = calloc(1, sizeof(*rs));
	uint8_t *copy;
	unsigned int refused = 0;

	(void)state;
	emt_iommu_writer_init(&w, 0, keep, &p);
	emt_iommu_writer_begin(&w, 1, 0, 3);
	for (uint64_t i = 0; i < 20; i++)
		emt_iommu_writer_put(&w, i * 5, 0x12345678 + i * 77, 3, 1);
	emt_iommu_writer_end(&w, 0);
	copy = malloc(p.v[0].len);
	for (size_t cut = 0; cut < p.v[0].len; cut++) {
		memset(&err, 0, sizeof(err));
		rs->n = 0;
		assert_int_equal(emt_iommu_read(p.v[0].p, cut, &h, add_run, rs, &err), EMT_E_DAMAGED);
		assert_int_equal(err.code, EMT_E_DAMAGED);
	}
	for (size_t at = 0; at < p.v[0].len; at++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, p.v[0].p, p.v[0].len);
			copy[at] ^= (uint8_t)(1 << bit);
			rs->n = 0;
			refused += emt_iommu_read(copy, p.v[0].len, &h, add_run, rs, NULL) != 0;
			for (size_t i = 0; i < rs->n; i++) {
				assert_true(rs->v[i].count && rs->v[i].level >= 1 && rs->v[i].level <= 3);
				assert_true(rs->v[i].dfn < 1ULL << 52 && rs->v[i].mfn < 1ULL << 52);
			}
		}
	assert_true(refused > 100);
	free(copy);
	free(rs);
	emt_iommu_writer_free(&w);
	free_parts(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins), cmocka_unit_test(parts), cmocka_unit_test(damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
