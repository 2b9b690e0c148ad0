/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU command queues that emt finds in a machine's memory, one command a line:
 *   page MFN vtd|amdvi
 *   INDEX WHAT SCOPE DID DEVICE DFN FRAMES
 * then, of the pair on the command line, "flushes yes" or "flushes no".
 * usage: queues FILE DID DFN (hexadecimal)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/queue.h"

struct pair {
	struct emt_mem *m;
	uint32_t did;
	uint64_t dfn;
	bool flushed;
};

static int command(const struct emt_iommu_cmd *c, void *arg)
{
	static const char *const scopes[] = { "global", "domain", "pages", "device" };
	struct pair *p = arg;

	p->flushed |= emt_iommu_cmd_flushes(c, p->did, p->dfn);
	printf("%zu %s %s %d %d %#" PRIx64 " %#" PRIx64 "\n", c->index, emt_iommu_cmd_name(c->what),
	       scopes[c->scope], c->did, c->device, c->dfn, c->frames);
	return 0;
}

static int page(const struct emt_queue_page *q, void *arg)
{
	struct pair *p = arg;
	const void *data = emt_mem_frame(p->m, q->mfn);

	if (!data)
		return 1;
	printf("page %#" PRIx64 " %s\n", q->mfn, q->amd ? "amdvi" : "vtd");
	p->flushed = false;
	if (q->amd)
		emt_iommu_cmds_amd(data, EMT_FRAME_SIZE, command, p);
	else
		emt_iommu_cmds_vtd(data, EMT_FRAME_SIZE, false, command, p);
	printf("flushes %s\n", p->flushed ? "yes" : "no");
	return 0;
}

int main(int argc, char **argv)
{
	struct emt_err err = { 0 };
	struct pair p = { 0 };
	int rc;

	if (argc != 4) {
		fprintf(stderr, "usage: queues FILE DID DFN\n");
		return 2;
	}
	p.did = (uint32_t)strtoul(argv[2], NULL, 16);
	p.dfn = strtoull(argv[3], NULL, 16);
	rc = emt_mem_open(&p.m, argv[1], &err);
	if (!rc)
		rc = emt_mem_queues(p.m, page, &p, &err);
	if (rc)
		fprintf(stderr, "queues: failed, %d\n", rc);
	emt_mem_close(p.m);
	return rc ? 1 : 0;
}
