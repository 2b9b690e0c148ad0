/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows say what is right; does_ept() and does_pt() say what releases do. They are
 * kept apart so that neither is written to please the other.
 */
#include "policy/flush.h"

#define RW (EMT_R | EMT_W)

const struct emt_fl_row emt_fl_rows[EMT_FLC_NR] = {
	[EMT_FLC_NOTHING] = { "nothing", "nothing there before and after", "nothing" },
	[EMT_FLC_UNUSED] = { "unused", "no device can use it, before or after", "nothing" },
	[EMT_FLC_NEW] = { "new", "devices get access where they had none",
		"map it; flush only where hardware caches entries that are not present" },
	[EMT_FLC_SAME] = { "same", "frame and permissions of devices stay", "nothing" },
	[EMT_FLC_PERM] = { "permissions", "same frame, other permissions for devices",
		"map it anew; flush if a permission was lost" },
	[EMT_FLC_FRAME] = { "frame", "another frame", "map the new frame; flush" },
	[EMT_FLC_REMOVED] = { "removed", "devices lose access", "unmap it; flush" },
	[EMT_FLC_TABLE_LEAF] = { "table-leaf", "a table of smaller entries gives way to one leaf",
		"map the whole range and drop all that was below; flush the range, with the caches of tables" },
	[EMT_FLC_TABLE_REMOVED] = { "table-removed", "a table of smaller entries gives way to nothing that devices can use",
		"unmap the whole range; flush it, with the caches of tables" },
	[EMT_FLC_ACCESS] = { "access", "access rights of memory change (mem_access)",
		"separate tables: nothing, they never follow; shared: flush if a permission was lost" },
	[EMT_FLC_LOGDIRTY] = { "log-dirty", "memory is write-protected to log writes",
		"separate tables: nothing, devices keep writing; shared: flush" },
};

const char *emt_fl_table_name(unsigned int action)
{
	static const char *const names[EMT_FL_TABLE_NR] = { "nothing", "map", "unmap" };

	return action < EMT_FL_TABLE_NR ? names[action] : "?";
}

const char *emt_fl_tlb_name(unsigned int action)
{
	static const char *const names[EMT_FL_TLB_NR] = { "no", "added", "yes" };

	return action < EMT_FL_TLB_NR ? names[action] : "?";
}

const char *emt_fl_verdict_name(unsigned int verdict)
{
	static const char *const names[EMT_FL_VERDICT_NR] = { "ok", "spurious", "not-used", "by-design",
							      "not-added", "missed" };

	return verdict < EMT_FL_VERDICT_NR ? names[verdict] : "?";
}

/* ---- permissions ---- */

/* 'fix': the first fixed release of each stable series, oldest first; in no release of
 * a series that is not listed, from the last one on in all. */
static bool fixed(uint32_t v, const uint32_t *fix, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (v >> 16 == fix[i] >> 16)
			return v >= fix[i];
	return v >= fix[n - 1];
}
#define FIXED(v, ...) \
	fixed(v, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

bool emt_fl_mmio_by_access(const struct emt_release *rel)
{
	return FIXED(rel->version, EMT_VER(4, 13, 4), EMT_VER(4, 14, 3), EMT_VER(4, 15, 1), EMT_VER(4, 16, 0));
}

/* r, w and x that p2m_access_t leaves. */
static unsigned int access_mask(unsigned int access)
{
	static const uint8_t mask[] = {
		0, EMT_R, EMT_W, RW, EMT_X, EMT_R | EMT_X, EMT_W | EMT_X, RW | EMT_X,
		EMT_R | EMT_X, /* rx2rw */ 0, /* n2rwx */ EMT_R, /* r_pw */
	};

	return access < EMT_ARRAY_SIZE(mask) ? mask[access] : RW | EMT_X;
}

unsigned int emt_fl_iommu_perm(const struct emt_release *rel, unsigned int p2mt, unsigned int access, bool ro)
{
	uint32_t v = rel->version;

	if (v < EMT_VER(4, 5, 0))
		return p2mt == EMT_P2M_RAM_RW ? RW : 0;
	switch (p2mt) {
	case EMT_P2M_RAM_RW:
	case EMT_P2M_GRANT_RW:
	case EMT_P2M_RAM_LOGDIRTY:
	case EMT_P2M_FOREIGN: return RW;
	case EMT_P2M_RAM_RO:
	case EMT_P2M_GRANT_RO: return EMT_R;
	case EMT_P2M_MMIO_DIRECT:
		if (v < EMT_VER(4, 9, 0))
			return 0;
		return (emt_fl_mmio_by_access(rel) ? access_mask(access) : RW) & (ro ? EMT_R : RW);
	default: return 0;
	}
}

unsigned int emt_fl_ept_perm(const struct emt_release *rel, unsigned int p2mt, unsigned int access, bool ro)
{
	unsigned int perm = 0;

	switch (p2mt) {
	case EMT_P2M_RAM_RW: perm = RW | EMT_X; break;
	case EMT_P2M_RAM_LOGDIRTY:
	case EMT_P2M_RAM_RO:
	case EMT_P2M_SHARED: perm = EMT_R | EMT_X; break;
	case EMT_P2M_MMIO_DIRECT: perm = (ro ? EMT_R : RW) | EMT_X; break;
	case EMT_P2M_GRANT_RW:
	case EMT_P2M_FOREIGN: perm = RW; break;
	case EMT_P2M_GRANT_RO: perm = EMT_R; break;
	case EMT_P2M_IOREQ_SERVER: perm = rel->version >= EMT_VER(4, 9, 0) ? RW : EMT_R; break;
	default: break;
	}
	return perm & access_mask(access);
}

/* ---- what is right ---- */

/* What a device may do by way of a leaf. */
static unsigned int device_perm(const struct emt_fl_where *w, const struct emt_fl_entry *e)
{
	if (e->kind == EMT_FL_TABLE)
		return RW;
	if (e->kind == EMT_FL_NONE || e->mfn == EMT_NO_FRAME)
		return 0;
	if (w->shared && w->paging == EMT_PAGING_EPT)
		return emt_fl_ept_perm(w->rel, e->p2mt, e->access, e->ro) & RW;
	return emt_fl_iommu_perm(w->rel, e->p2mt, e->access, e->ro);
}

static enum emt_fl_change change_of(const struct emt_fl_entry *a, const struct emt_fl_entry *b, unsigned int before,
				    unsigned int after)
{
	bool leaves = a->kind == EMT_FL_LEAF && b->kind == EMT_FL_LEAF, same_frame = leaves && a->mfn == b->mfn;

	if (a->kind == EMT_FL_TABLE)
		return b->kind == EMT_FL_TABLE ? EMT_FLC_SAME : after ? EMT_FLC_TABLE_LEAF : EMT_FLC_TABLE_REMOVED;
	if (b->kind == EMT_FL_TABLE) /* a split: translations stay */
		return EMT_FLC_SAME;
	if (same_frame && a->p2mt == EMT_P2M_RAM_RW && b->p2mt == EMT_P2M_RAM_LOGDIRTY)
		return EMT_FLC_LOGDIRTY;
	if (same_frame && a->p2mt == b->p2mt && a->access != b->access && a->p2mt != EMT_P2M_MMIO_DIRECT)
		return EMT_FLC_ACCESS;
	if (a->kind == EMT_FL_NONE && b->kind == EMT_FL_NONE)
		return EMT_FLC_NOTHING;
	if (same_frame && before != after)
		return EMT_FLC_PERM;
	if (!before && !after)
		return EMT_FLC_UNUSED;
	if (!before)
		return EMT_FLC_NEW;
	if (same_frame)
		return EMT_FLC_SAME;
	return after ? EMT_FLC_FRAME : EMT_FLC_REMOVED;
}

static void right(struct emt_fl_result *r, const struct emt_fl_where *w)
{
	/* AMD's IOMMU does not keep what is not present; a shadow guest's host may have either. */
	enum emt_fl_tlb added = w->paging == EMT_PAGING_NPT ? EMT_FL_NO_FLUSH : EMT_FL_ADDED;
	unsigned int lost = r->before & ~(unsigned int)r->after;

	switch (r->change) {
	case EMT_FLC_NEW:
		r->need_table = EMT_FL_MAP;
		r->need_tlb = added;
		break;
	case EMT_FLC_PERM:
	case EMT_FLC_ACCESS:
	case EMT_FLC_LOGDIRTY:
		if (r->change == EMT_FLC_LOGDIRTY && !w->shared)
			break;
		if (r->before != r->after)
			r->need_table = r->after ? EMT_FL_MAP : EMT_FL_UNMAP;
		r->need_tlb = lost ? EMT_FL_FLUSH : r->after && !r->before ? added : EMT_FL_NO_FLUSH;
		break;
	case EMT_FLC_FRAME:
	case EMT_FLC_TABLE_LEAF:
		r->need_table = EMT_FL_MAP;
		r->need_tlb = EMT_FL_FLUSH;
		break;
	case EMT_FLC_REMOVED:
	case EMT_FLC_TABLE_REMOVED:
		r->need_table = EMT_FL_UNMAP;
		r->need_tlb = EMT_FL_FLUSH;
		break;
	default:
		break;
	}
}

/* ---- what releases do ---- */

static void map_or_unmap(struct emt_fl_result *r, unsigned int flags)
{
	r->does_table = flags ? EMT_FL_MAP : EMT_FL_UNMAP;
	/* map and unmap flush by themselves, as far as what they found asks for it */
	r->does_tlb = r->before ? EMT_FL_FLUSH : flags ? EMT_FL_ADDED : EMT_FL_NO_FLUSH;
}

static void does_ept(struct emt_fl_result *r, const struct emt_fl_where *w, const struct emt_fl_entry *a,
		     const struct emt_fl_entry *b)
{
	const struct emt_release *rel = w->rel;
	bool flags_count = rel->version >= EMT_VER(4, 5, 2);
	unsigned int fa = a->kind == EMT_FL_LEAF ? emt_fl_iommu_perm(rel, a->p2mt, a->access, a->ro) : 0;
	unsigned int fb = b->kind == EMT_FL_LEAF ? emt_fl_iommu_perm(rel, b->p2mt, b->access, b->ro) : 0;

	if (b->kind == EMT_FL_TABLE) {
		r->why = "splitting a superpage changes no translation, and nothing is done";
		return;
	}
	if (b->kind == EMT_FL_LEAF && a->kind == EMT_FL_LEAF && a->mfn == b->mfn && (!flags_count || fa == fb)) {
		r->why = flags_count ? "ept_set_entry sees the same frame and IOMMU flags and does nothing" :
		       "ept_set_entry compares frames only, sees the same one and does nothing";
		return;
	}
	if (w->shared) {
		r->does_tlb = r->before ? EMT_FL_FLUSH : fb ? EMT_FL_ADDED : EMT_FL_NO_FLUSH;
		r->why = r->before ? "ept_set_entry flushes, for the old entry was present" :
			 fb	   ? "ept_set_entry reports an entry that was added" :
				     "ept_set_entry calls the flush with nothing to do";
		return;
	}
	map_or_unmap(r, fb);
	r->why = fb ? "ept_set_entry maps the range anew, which flushes" :
		      "ept_set_entry unmaps the range, which flushes what was there";
}

/* 4.4.4 alone: frames are compared, a table counts as no frame. */
static void does_pt_444(struct emt_fl_result *r, const struct emt_fl_where *w, uint64_t ma, uint64_t mb, unsigned int fb)
{
	if (ma == mb) {
		r->why = "p2m_set_entry of 4.4.4 compares frames only, a table counting as none, and does nothing";
	} else if (!w->shared) {
		map_or_unmap(r, fb);
		r->why = "p2m_set_entry sees another frame, and maps or unmaps";
	} else if (ma == EMT_NO_FRAME) {
		r->why = "p2m_set_entry of 4.4.4 flushes only where a leaf was, and a table is none";
	} else {
		r->does_tlb = EMT_FL_FLUSH;
		r->why = "p2m_set_entry flushes, for another leaf was there";
	}
}

static void does_pt(struct emt_fl_result *r, const struct emt_fl_where *w, const struct emt_fl_entry *a,
		    const struct emt_fl_entry *b)
{
	const struct emt_release *rel = w->rel;
	unsigned int fa = a->kind == EMT_FL_LEAF ? emt_fl_iommu_perm(rel, a->p2mt, a->access, a->ro) :
			  a->kind == EMT_FL_TABLE ? ~0u : 0;
	unsigned int fb = b->kind == EMT_FL_LEAF ? emt_fl_iommu_perm(rel, b->p2mt, b->access, b->ro) : 0;
	uint64_t ma = a->kind == EMT_FL_LEAF ? a->mfn : EMT_NO_FRAME;
	uint64_t mb = b->kind == EMT_FL_LEAF ? b->mfn : EMT_NO_FRAME;

	if (b->kind == EMT_FL_TABLE) {
		r->why = "splitting a superpage changes no translation, and nothing is done";
	} else if (rel->version >= EMT_VER(4, 5, 2)) {
		if (fa == fb && ma == mb) {
			r->why = "p2m_pt_set_entry sees the same frame and IOMMU flags and does nothing";
			return;
		}
		map_or_unmap(r, fb);
		r->why = a->kind == EMT_FL_TABLE ?
			 "p2m_pt_set_entry takes a table for flags that nothing equals, so it always acts" :
			 "p2m_pt_set_entry sees another frame or other IOMMU flags, and maps or unmaps";
	} else if (rel->version >= EMT_VER(4, 4, 4) && rel->version < EMT_VER(4, 5, 0)) {
		does_pt_444(r, w, ma, mb, fb);
	} else if (!w->shared) {
		map_or_unmap(r, fb);
		r->why = "p2m_pt_set_entry maps or unmaps whatever was there before";
	} else if (mb == EMT_NO_FRAME) {
		r->why = "p2m_pt_set_entry looks at the old entry only if the new one is not empty: it flushes nothing";
	} else if (a->kind == EMT_FL_NONE || ma == mb) {
		r->why = "p2m_pt_set_entry flushes only where the frame was another one";
	} else {
		r->does_tlb = EMT_FL_FLUSH;
		r->why = "p2m_pt_set_entry flushes, for the frame was another one";
	}
}

static void verdict(struct emt_fl_result *r, const struct emt_fl_where *w)
{
	bool table_ok = w->shared || r->need_table == EMT_FL_KEEP || r->does_table == r->need_table;

	if (table_ok && r->does_tlb >= r->need_tlb) {
		bool more = (!w->shared && r->does_table != r->need_table) ||
			    (r->does_tlb == EMT_FL_FLUSH && r->need_tlb != EMT_FL_FLUSH);

		r->verdict = more ? EMT_FL_SPURIOUS : EMT_FL_OK;
		return;
	}
	r->verdict = r->need_tlb == EMT_FL_FLUSH ? EMT_FL_MISSED : EMT_FL_NOT_ADDED;
	if (r->change == EMT_FLC_LOGDIRTY) {
		r->verdict = EMT_FL_BY_DESIGN;
		r->why = "no release tells the IOMMU; Xen refuses log-dirty mode for domains with devices instead";
	} else if (r->change == EMT_FLC_ACCESS) {
		r->why = "IOMMU flags of memory do not follow p2m_access_t, so nothing is flushed; mem_access with "
			 "devices is not supported";
	} else {
		r->fixed_by = w->paging == EMT_PAGING_EPT ? "6c0e4ad608" : "660fd65d55";
		r->fixed_in = "4.5.2, 4.6.0";
	}
}

static bool unused(struct emt_fl_result *r, const struct emt_fl_where *w, const struct emt_fl_entry *b)
{
	bool pt = w->paging != EMT_PAGING_EPT;

	if (w->paging == EMT_PAGING_NPT && w->shared && w->rel->version >= EMT_VER(4, 5, 0))
		r->why = "AMD IOMMUs never use NPT since 4.5.0 (c2ba3db31e)";
	else if (pt && r->change == EMT_FLC_ACCESS)
		r->why = "p2m_access_t is kept for EPT only";
	else if (pt && r->change == EMT_FLC_LOGDIRTY)
		r->why = "NPT and shadow paging keep IOMMU tables of their own in log-dirty mode";
	else if (pt && b->kind == EMT_FL_LEAF && b->p2mt == EMT_P2M_FOREIGN && w->rel->version < EMT_VER(4, 12, 0))
		r->why = "foreign mappings existed on EPT only before 4.12.0";
	else
		return false;
	r->verdict = EMT_FL_NOT_USED;
	r->need_table = r->does_table = EMT_FL_KEEP;
	r->need_tlb = r->does_tlb = EMT_FL_NO_FLUSH;
	return true;
}

void emt_fl_judge(struct emt_fl_result *out, const struct emt_fl_where *where, const struct emt_fl_entry *before,
		  const struct emt_fl_entry *after)
{
	struct emt_fl_where w = *where;
	/* Shadow paging never shares, whatever the host's switch says. */
	bool ignored = w.paging == EMT_PAGING_SHADOW && w.shared &&
		       !FIXED(w.rel->version, EMT_VER(4, 4, 4), EMT_VER(4, 5, 2), EMT_VER(4, 6, 0));

	if (w.paging == EMT_PAGING_SHADOW)
		w.shared = false;
	*out = (struct emt_fl_result){ .before = (uint8_t)device_perm(&w, before),
				       .after = (uint8_t)device_perm(&w, after) };
	out->change = change_of(before, after, out->before, out->after);
	if (unused(out, &w, after))
		return;
	right(out, &w);
	if (w.shared)
		out->need_table = EMT_FL_KEEP; /* the p2m is the table */
	if (ignored) {
		out->why = "where hosts share EPT, p2m_pt_set_entry takes the tables of shadow guests for shared "
			   "too: it neither maps nor unmaps";
	} else if (w.paging == EMT_PAGING_EPT) {
		does_ept(out, &w, before, after);
	} else {
		does_pt(out, &w, before, after);
	}
	verdict(out, &w);
	if (ignored && out->fixed_by) {
		out->fixed_by = "c0a85795d8";
		out->fixed_in = "4.4.4, 4.5.2, 4.6.0";
	}
}

const char *emt_fl_release_list(size_t i)
{
	static const char *const list[] = {
		"4.1.0", "4.4.4", "4.5.0", "4.5.2", "4.6.0", "4.9.0", "4.12.0", "4.13.4", "4.14.0", "4.14.3", "4.15.0",
		"4.15.1",
	};

	return i < EMT_ARRAY_SIZE(list) ? list[i] : NULL;
}

/* ---- misses that concern every change ---- */

enum { FD1, FD2, FD3, FD4, FD5, FD6, FD7, FD8, FD9, FD10, FD_NR };

const struct emt_fl_defect emt_fl_defects[] = {
	[FD1] = { "FD1", "VT-d: \"flush all\" invalidates page 0 only", "before 4.7.0", "fd3102e5d2", "4.7.0" },
	[FD2] = { "FD2", "AMD-Vi: whether to flush is decided without the old presence and permissions",
		"before 4.8.5, 4.9.0-4.9.3, 4.10.0-4.10.2, 4.11.0", "XSA-275 (1a7ffe466c)",
		"4.8.5, 4.9.4, 4.10.3, 4.11.1, 4.12.0" },
	[FD3] = { "FD3", "VT-d that does not snoop, shared tables: EPT entries stay in CPU caches, the IOMMU reads old ones",
		"before 4.12.4, 4.13.0-4.13.1", "XSA-321 (c23274fd04)", "4.12.4, 4.13.2, 4.14.0" },
	[FD4] = { "FD4", "live EPT entries are not modified atomically: a device or CPU can see half an entry",
		"before 4.12.4, 4.13.0-4.13.1", "XSA-328 (bc3d9f95d6)", "4.12.4, 4.13.2, 4.14.0" },
	[FD5] = { "FD5", "XENMEM_add_to_physmap of ranges: pages are freed before the deferred IOTLB flush",
		"before 4.12.4, 4.13.0-4.13.1, 4.14.0", "XSA-346 (dea460d869, 5777a3742d)",
		"4.12.4, 4.13.2, 4.14.1, 4.15.0" },
	[FD6] = { "FD6", "AMD-Vi: live entries are updated field by field", "before 4.12.4, 4.13.0-4.13.1, 4.14.0",
		"XSA-347 (3b055121c5)", "4.12.4, 4.13.2, 4.14.1, 4.15.0" },
	[FD7] = { "FD7", "AMD-Vi: splitting a superpage can add permissions", "before 4.16.0", "b8238afd07", "4.16.0" },
	[FD8] = { "FD8", "VT-d in caching mode: flushes use domain id 0", "before 4.16.0", "c5c84e9766", "4.16.0" },
	[FD9] = { "FD9", "AMD-Vi: changes of device table entries are not followed by an IOTLB flush",
		"before 4.15.6, 4.16.0-4.16.5, 4.17.0-4.17.2", "XSA-442 (5fc98b9708)", "4.15.6, 4.16.6, 4.17.3, 4.18.0" },
	[FD10] = { "FD10", "VT-d with fewer table levels than EPT, shared tables: the wrong table is used as the root",
		"before 4.15.2", "XSA-390 (02b46377b6)", "4.15.2, 4.16.0" },
};
const size_t emt_nr_fl_defects = EMT_ARRAY_SIZE(emt_fl_defects);

uint32_t emt_fl_defects_of(const struct emt_fl_where *w)
{
	uint32_t v = w->rel->version, m = 0;
	bool intel = w->paging != EMT_PAGING_NPT, amd = w->paging != EMT_PAGING_EPT;
	bool ept = w->paging == EMT_PAGING_EPT, shared = ept && w->shared;

	if (intel && v < EMT_VER(4, 7, 0))
		m |= 1u << FD1;
	if (amd && !FIXED(v, EMT_VER(4, 8, 5), EMT_VER(4, 9, 4), EMT_VER(4, 10, 3), EMT_VER(4, 11, 1), EMT_VER(4, 12, 0)))
		m |= 1u << FD2;
	if (shared && !FIXED(v, EMT_VER(4, 12, 4), EMT_VER(4, 13, 2), EMT_VER(4, 14, 0)))
		m |= 1u << FD3;
	if (ept && !FIXED(v, EMT_VER(4, 12, 4), EMT_VER(4, 13, 2), EMT_VER(4, 14, 0)))
		m |= 1u << FD4;
	if (!FIXED(v, EMT_VER(4, 12, 4), EMT_VER(4, 13, 2), EMT_VER(4, 14, 1), EMT_VER(4, 15, 0)))
		m |= 1u << FD5;
	if (amd && !FIXED(v, EMT_VER(4, 12, 4), EMT_VER(4, 13, 2), EMT_VER(4, 14, 1), EMT_VER(4, 15, 0)))
		m |= 1u << FD6;
	if (amd && v < EMT_VER(4, 16, 0))
		m |= 1u << FD7;
	if (intel && v < EMT_VER(4, 16, 0))
		m |= 1u << FD8;
	if (amd && !FIXED(v, EMT_VER(4, 15, 6), EMT_VER(4, 16, 6), EMT_VER(4, 17, 3), EMT_VER(4, 18, 0)))
		m |= 1u << FD9;
	if (shared && !FIXED(v, EMT_VER(4, 15, 2), EMT_VER(4, 16, 0)))
		m |= 1u << FD10;
	return m;
}
