/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands typed by hand from the specifications: VT-d 6.5.2.1 (context cache), .3
 * (IOTLB), .4 (device TLB), .7 (interrupt entries), .8 (wait); AMD IOMMU 2.4.1 (wait),
 * .2 (device table entry), .3 (pages), .4 (IOTLB pages), .8 (all). And finding a queue.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/queue.h"

struct got {
	struct emt_iommu_cmd v[32];
	size_t n;
};

static int keep(const struct emt_iommu_cmd *c, void *arg)
{
	struct got *g = arg;

	assert_true(g->n < EMT_ARRAY_SIZE(g->v));
	g->v[g->n++] = *c;
	return 0;
}

static void text_is(const struct emt_iommu_cmd *c, const char *want)
{
	char text[160];

	emt_iommu_cmd_text(c, text, sizeof(text));
	assert_string_equal(text, want);
}

static void vtd_queue(void **state)
{
	static const uint64_t q[][2] = {
		{ 0x1 | 1 << 4, 0 },                                      /* context, global */
		{ 0x1 | 2 << 4 | 0x0007ull << 16, 0 },                    /* context, domain 7 */
		{ 0x1 | 3 << 4 | 0x0007ull << 16 | 0x00a8ull << 32, 0 },  /* context, device 00:15.0 */
		{ 0, 0 },                                                 /* empty slot */
		{ 0x2 | 1 << 4 | 0xc0, 0 },                               /* IOTLB, global, drains */
		{ 0x2 | 2 << 4 | 0xc0 | 0x0005ull << 16, 0 },             /* IOTLB, domain 5 */
		{ 0x2 | 3 << 4 | 0xc0 | 0x0005ull << 16, 0x12345000ull }, /* one page */
		{ 0x2 | 3 << 4 | 0xc0 | 0x0005ull << 16,
		  0x40200000ull | 1 << 6 | 9 },                       /* 2 MiB, hint: leaves only */
		{ 0x3 | 0x0310ull << 32, 0x7ffff000ull & ~0xfffull }, /* device TLB, one page */
		{ 0x3 | 0x0310ull << 32, 0x00007001ull }, /* the same, S: ones from bit 12: 16 frames */
		{ 0x4, 0 },                               /* interrupt entries */
		{ 0x5 | 1 << 5 | 0x2ull << 32, 0x1000 },  /* wait, writes status 2 */
		{ 0x6, 0 },                               /* PASID-based: other */
		{ 0xe, 0 },                               /* none of the specification */
		{ 0x2 | 3 << 4 | 0x0005ull << 16, 0x1000 | 1 << 8 }, /* reserved bit 8 of the address word */
	};
	struct got g = { .n = 0 };

	(void)state;
	assert_int_equal(emt_iommu_cmds_vtd(q, sizeof(q), false, keep, &g), 0);
	assert_int_equal(g.n, 14);
	text_is(&g.v[0], "context of all domains");
	text_is(&g.v[1], "context domain 7");
	text_is(&g.v[2], "context device 00:15.0");
	assert_int_equal(g.v[3].index, 4);
	text_is(&g.v[3], "iotlb of all domains");
	text_is(&g.v[4], "iotlb domain 5");
	text_is(&g.v[5], "iotlb domain 5, 0x1 frames from dfn 0x12345");
	text_is(&g.v[6], "iotlb domain 5, 0x200 frames from dfn 0x40200, leaves only");
	text_is(&g.v[7], "device-iotlb device 03:02.0, 0x1 frames from dfn 0x7ffff");
	text_is(&g.v[8], "device-iotlb device 03:02.0, 0x10 frames from dfn 0");
	text_is(&g.v[9], "interrupts");
	assert_int_equal(g.v[10].what, EMT_CMD_WAIT);
	assert_int_equal(g.v[11].what, EMT_CMD_OTHER);
	assert_int_equal(g.v[12].what, EMT_CMD_UNKNOWN);
	assert_true(g.v[13].reserved);
	for (size_t i = 0; i < 12; i++)
		assert_false(g.v[i].reserved);
	/* what flushes what */
	assert_true(emt_iommu_cmd_flushes(&g.v[3], 9, 0x777));
	assert_true(emt_iommu_cmd_flushes(&g.v[4], 5, 0x777));
	assert_false(emt_iommu_cmd_flushes(&g.v[4], 6, 0x777));
	assert_true(emt_iommu_cmd_flushes(&g.v[6], 5, 0x403ff));
	assert_false(emt_iommu_cmd_flushes(&g.v[6], 5, 0x40400));
	assert_false(emt_iommu_cmd_flushes(&g.v[6], 5, 0x401ff));
	assert_false(emt_iommu_cmd_flushes(&g.v[13], 5, 1));
	assert_false(emt_iommu_cmd_flushes(&g.v[0], 5, 1));
	assert_false(emt_iommu_cmd_flushes(&g.v[7], 5, 0x7ffff));
	/* descriptors of 256 bits: every second pair is the upper half */
	g.n = 0;
	assert_int_equal(emt_iommu_cmds_vtd(q, sizeof(q), true, keep, &g), 0);
	assert_int_equal(g.n, 7);
	assert_int_equal(g.v[1].device, 0x00a8);
}

static void amd_buffer(void **state)
{
	static const uint64_t q[][2] = {
		{ 0x1ull << 60 | 0x7fbc3008 | 1, 42 },                  /* wait, stores 42 */
		{ 0x2ull << 60 | 0x0018, 0 },                           /* device table entry of 00:03.0 */
		{ 0x3ull << 60 | 0x0002ull << 32, 0x12345000ull },      /* pages: one, leaf only */
		{ 0x3ull << 60 | 0x0002ull << 32, 0x400ff000ull | 3 },  /* S and PDE: 2 MiB at 0x40000 */
		{ 0x3ull << 60 | 0x0002ull << 32, 0x7ffffffffffff000ull | 3 }, /* all of the domain */
		{ 0x4ull << 60 | 0x0018 | 0x20ull << 24, 0x5000 },      /* the device's own TLB */
		{ 0x5ull << 60 | 0x0018, 0 },                           /* interrupt table */
		{ 0x8ull << 60, 0 },                                    /* everything */
		{ 0xfull << 60, 0 },
		{ 0, 0 },
	};
	struct got g = { .n = 0 };

	(void)state;
	assert_int_equal(emt_iommu_cmds_amd(q, sizeof(q), keep, &g), 0);
	assert_int_equal(g.n, 9);
	assert_int_equal(g.v[0].what, EMT_CMD_WAIT);
	text_is(&g.v[1], "context device 00:03.0");
	text_is(&g.v[2], "iotlb domain 2, 0x1 frames from dfn 0x12345, leaves only");
	text_is(&g.v[3], "iotlb domain 2, 0x200 frames from dfn 0x40000");
	text_is(&g.v[4], "iotlb domain 2");
	text_is(&g.v[5], "device-iotlb device 00:03.0, 0x1 frames from dfn 0x5");
	text_is(&g.v[6], "interrupts device 00:03.0");
	text_is(&g.v[7], "all");
	assert_int_equal(g.v[8].what, EMT_CMD_UNKNOWN);
	assert_true(emt_iommu_cmd_flushes(&g.v[3], 2, 0x40123));
	assert_false(emt_iommu_cmd_flushes(&g.v[3], 2, 0x40200));
	assert_true(emt_iommu_cmd_flushes(&g.v[4], 2, 0x99999999));
	assert_true(emt_iommu_cmd_flushes(&g.v[7], 77, 1));
}

struct pages {
	struct emt_queue_page v[8];
	size_t n;
};

static int keep_page(const struct emt_queue_page *q, void *arg)
{
	struct pages *p = arg;

	if (p->n < EMT_ARRAY_SIZE(p->v))
		p->v[p->n] = *q;
	p->n++;
	return 0;
}

/* A queue among pages of text, tables and numbers. */
static void queues_are_found(void **state)
{
	static uint64_t image[64][512];
	char path[] = "/tmp/emt-queue-XXXXXX";
	uint64_t seed = emt_test_seed();
	struct pages p = { .n = 0 };
	struct emt_mem *m;
	struct emt_err err = { 0 };
	int fd = mkstemp(path);

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		for (unsigned int k = 0; k < 512; k++)
			image[i][k] = i % 4 == 0 ? 0 : i % 4 == 1 ? (uint64_t)(i * 512 + k) << 12 | 0x67 :
				i % 4 == 2 ? emt_rand_below(&seed, 64) : 0x2020202020202020ull;
	memset(image[20], 0, sizeof(image[20]));
	memset(image[33], 0, sizeof(image[33]));
	for (unsigned int k = 0; k < 64; k += 4) {
		image[20][k] = 0x2 | 2 << 4 | (uint64_t)(k / 4 + 1) << 16;
		image[20][k + 2] = 0x5 | 1 << 5;
		image[20][k + 3] = 0x1000;
		image[33][k] = 0x3ull << 60 | (uint64_t)(k / 4 + 1) << 32;
		image[33][k + 1] = 0x7000;
		image[33][k + 2] = 0x1ull << 60 | 0x2001;
		image[33][k + 3] = 1;
	}
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image, sizeof(image)), sizeof(image));
	close(fd);
	assert_int_equal(emt_mem_open(&m, path, &err), 0);
	unlink(path);
	assert_int_equal(emt_mem_queues(m, keep_page, &p, &err), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.v[0].mfn, 20);
	assert_false(p.v[0].amd);
	assert_int_equal(p.v[0].commands, 32);
	assert_int_equal(p.v[1].mfn, 33);
	assert_true(p.v[1].amd);
	emt_mem_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_queue), cmocka_unit_test(amd_buffer), cmocka_unit_test(queues_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
