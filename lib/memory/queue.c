/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/queue.h"

/* Fewer commands than this on a page are no evidence that it is a queue. */
#define FEWEST 8

struct search {
	int (*cb)(const struct emt_queue_page *q, void *arg);
	void *arg;
};

struct tally {
	unsigned int commands, waits, flushes;
};

static int tally(const struct emt_iommu_cmd *c, void *arg)
{
	struct tally *t = arg;

	if (c->reserved || c->what == EMT_CMD_UNKNOWN)
		return 1;
	t->commands++;
	t->waits += c->what == EMT_CMD_WAIT;
	t->flushes += c->what == EMT_CMD_IOTLB || c->what == EMT_CMD_CONTEXT || c->what == EMT_CMD_ALL ||
		c->what == EMT_CMD_INTERRUPTS;
	return 0;
}

static int look(uint64_t mfn, const uint8_t *data, size_t frames, void *arg)
{
	const struct search *s = arg;
	int rc = 0;

	for (size_t i = 0; i < frames && !rc; i++)
		for (unsigned int amd = 0; amd < 2 && !rc; amd++) {
			const uint8_t *page = data + i * EMT_FRAME_SIZE;
			struct tally t = { 0 };

			if (amd ? emt_iommu_cmds_amd(page, EMT_FRAME_SIZE, tally, &t)
				: emt_iommu_cmds_vtd(page, EMT_FRAME_SIZE, false, tally, &t))
				continue;
			/* a wait ends each batch; without any, or with nothing else, it is other data */
			if (t.commands < FEWEST || t.waits < t.commands / 8 || !t.flushes || !t.waits)
				continue;
			rc = s->cb(&(struct emt_queue_page){ mfn + i, amd, t.commands, t.waits }, s->arg);
		}
	return rc;
}

int emt_mem_queues(struct emt_mem *m, int (*cb)(const struct emt_queue_page *q, void *arg), void *arg,
		   struct emt_err *err)
{
	struct search s = { cb, arg };

	return emt_mem_scan(m, look, &s, err);
}
