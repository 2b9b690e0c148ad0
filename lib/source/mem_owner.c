/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a frame is, by Xen's frame table in a memory image. */
#include "source/mem_open.h"

static const struct emt_found_domain *by_id(const struct mem_source *ms, uint32_t domid)
{
	for (size_t i = 0; i < ms->d.nr_domains; i++)
		if (ms->d.domains[i].domid == domid)
			return &ms->d.domains[i];
	return NULL;
}

enum emt_frame_owner mem_owner(struct emt_source *s, uint32_t domid, uint64_t mfn, uint32_t *whose)
{
	struct mem_source *ms = s->priv;
	const struct emt_found_domain *dom;
	struct emt_xen_page page;

	if (!ms->found)
		return EMT_FRAME_UNKNOWN;
	if (!emt_mem_is_ram(ms->mem, mfn))
		return EMT_FRAME_DEVICE;
	if (emt_xen_page(&ms->d.xen, mfn, &page))
		return EMT_FRAME_UNKNOWN;
	if (page.count_info & EMT_PGC_STATE)
		return EMT_FRAME_FREE;
	if (!page.owner)
		return EMT_FRAME_XEN;
	dom = by_id(ms, domid);
	if (dom && dom->struct_mfn == page.owner)
		return EMT_FRAME_THIS;
	if (page.count_info & EMT_PGC_XEN_HEAP)
		return EMT_FRAME_XEN; /* shared with another domain */
	for (size_t i = 0; i < ms->d.nr_domains; i++)
		if (ms->d.domains[i].struct_mfn == page.owner)
			*whose = ms->d.domains[i].domid;
	return EMT_FRAME_OTHER;
}
