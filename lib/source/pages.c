/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/pages.h"

struct put {
	struct emt_mem *mem;
	struct emt_pages_root *root;
	size_t roots;
};

static int put(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	struct put *p = arg;

	if (level > p->root->levels) {
		p->root->levels = level;
		p->root->root = mfn;
		p->roots = 0;
	}
	p->roots += level == p->root->levels;
	p->root->pages++;
	return emt_mem_put(p->mem, mfn, page);
}

int emt_pages_open(struct emt_mem **out, struct emt_capture *c, size_t walk, struct emt_pages_root *root,
		   struct emt_err *err)
{
	struct put p = { .root = root };
	int rc;

	*root = (struct emt_pages_root){ .root = EMT_NO_FRAME };
	rc = emt_mem_pages(&p.mem, "table pages", err);
	*out = NULL;
	if (rc)
		return rc;
	rc = emt_capture_tables(c, walk, put, &p, err);
	if (rc == EMT_E_NOMEM)
		rc = emt_err_set(err, rc, "table pages", NULL, "not enough memory to keep them");
	else if (!rc && !root->pages)
		rc = emt_err_set(err, EMT_E_MISSING, "table pages", "take the capture with --raw",
				 "the capture holds none of this walk");
	else if (!rc && p.roots != 1)
		rc = emt_err_set(err, EMT_E_DAMAGED, "table pages", NULL,
				 "hold %zu tables of level %u, not one root", p.roots, root->levels);
	if (rc)
		emt_mem_close(p.mem);
	else
		*out = p.mem;
	return rc;
}

struct guest {
	struct emt_mem *mem;
	size_t pages;
};

static int put_guest(uint64_t gfn, unsigned int level, const void *page, void *arg)
{
	struct guest *g = arg;

	(void)level;
	g->pages++;
	return emt_mem_put(g->mem, gfn, page);
}

int emt_pages_guest(struct emt_mem **out, struct emt_capture *c, size_t walk, struct emt_err *err)
{
	struct guest g = { NULL, 0 };
	int rc = emt_mem_pages(&g.mem, "guest page tables", err);

	*out = NULL;
	if (rc)
		return rc;
	rc = emt_capture_guest_tables(c, walk, put_guest, &g, err);
	if (rc == EMT_E_NOMEM)
		rc = emt_err_set(err, rc, "guest page tables", NULL, "not enough memory to keep them");
	else if (!rc && !g.pages)
		rc = emt_err_set(err, EMT_E_MISSING, "guest page tables",
				 "take the capture with --guest-tables", "the capture holds none of this walk");
	if (rc)
		emt_mem_close(g.mem);
	else
		*out = g.mem;
	return rc;
}
