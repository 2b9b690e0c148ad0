/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU queues in a machine with a Xen: whose each is, and what is never looked at.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory/xenmap.h"
#include "source/iommu_history.h"
#include "xen_image.h"

static struct xen_image image;

struct seen {
	struct emt_iommu_queue v[8];
	uint64_t commands[8];
	uint64_t stop_at, all;
	size_t n;
};

static int see(const struct emt_iommu_queue *q, const struct emt_iommu_cmd *c, void *arg)
{
	struct seen *s = arg;

	if (!s->n || s->v[s->n - 1].maddr != q->maddr) {
		assert_true(s->n < EMT_ARRAY_SIZE(s->v));
		s->v[s->n++] = *q;
	}
	assert_int_equal(c->index, s->commands[s->n - 1]);
	s->commands[s->n - 1]++;
	return ++s->all == s->stop_at ? 77 : 0;
}

static void put_queue(uint64_t mfn)
{
	for (unsigned int i = 0; i < 256; i += 2) {
		image.frame[mfn][2 * i] = 0x2 | 2 << 4 | 3 << 16;
		image.frame[mfn][2 * i + 2] = 0x5 | 1 << 5;
		image.frame[mfn][2 * i + 3] = 0x1000;
	}
}

static int history(struct seen *s, struct emt_iommu_history *h, bool elf)
{
	char path[] = "/tmp/emt-history-XXXXXX", text[64];
	struct emt_source_spec spec;
	struct emt_err err = { 0 };
	int rc;

	assert_int_equal(xen_image_write(&image, path, elf), 0);
	snprintf(text, sizeof(text), "mem:%s", path);
	assert_int_equal(emt_source_parse(&spec, text, &err), 0);
	rc = emt_iommu_history(&spec, see, s, h, &err);
	unlink(path);
	return rc;
}

static void owners(void **state)
{
	struct emt_iommu_history h;

	(void)state;
	for (unsigned int elf = 0; elf < 2; elf++) {
		struct seen s = { .n = 0 };

		xen_image_build(&image, true);
		put_queue(0xa5);          /* in a hole of the E820: never looked at */
		put_queue(IMG_SPARE);     /* Xen's, of two pages */
		put_queue(IMG_SPARE + 1);
		put_queue(0x192);         /* free */
		put_queue(IMG_GUEST + 9); /* the guest's */
		put_queue(IMG_DOM0_RAM + 3);
		assert_int_equal(history(&s, &h, elf), 0);
		assert_true(h.xen);
		assert_int_equal(h.queues, 4);
		assert_int_equal(h.commands, 5 * 256);
		assert_int_equal(s.n, 4);
		assert_int_equal(s.v[0].maddr, (uint64_t)IMG_SPARE << 12);
		assert_int_equal(s.v[0].bytes, 2 * 4096);
		assert_int_equal(s.commands[0], 512);
		assert_int_equal(s.v[0].owner, EMT_QUEUE_OWNER_XEN);
		assert_int_equal(s.v[1].owner, EMT_QUEUE_OWNER_FREE);
		assert_int_equal(s.v[2].owner, EMT_QUEUE_OWNER_DOMAIN);
		assert_true(s.v[2].domid_known);
		assert_int_equal(s.v[2].domid, 1);
		assert_int_equal(s.v[3].owner, EMT_QUEUE_OWNER_DOMAIN);
		assert_int_equal(s.v[3].domid, 0);
	}
}

/* Pages side by side of different owners are not one queue. */
static void neighbours(void **state)
{
	struct emt_iommu_history h;
	struct seen s = { .n = 0 };

	(void)state;
	xen_image_build(&image, true);
	put_queue(IMG_GUEST - 1);
	put_queue(IMG_GUEST);
	assert_int_equal(history(&s, &h, false), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.v[0].owner, EMT_QUEUE_OWNER_XEN);
	assert_int_equal(s.v[1].owner, EMT_QUEUE_OWNER_DOMAIN);
}

/* Without a Xen it still works, says what was missing, and claims no owner. */
static void without_xen(void **state)
{
	struct emt_iommu_history h;
	struct seen s = { .stop_at = 10 };

	(void)state;
	xen_image_build(&image, true);
	memset(image.frame[IMG_TEXT], 0, 4096);
	put_queue(IMG_GUEST + 9);
	assert_int_equal(history(&s, &h, false), 77);
	assert_int_equal(s.all, 10);
	assert_false(h.xen);
	assert_non_null(strstr(h.why_not.text, "no console text"));
	assert_int_equal(s.v[0].owner, EMT_QUEUE_OWNER_UNKNOWN);
	assert_false(s.v[0].domid_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),
		cmocka_unit_test(neighbours),
		cmocka_unit_test(without_xen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
