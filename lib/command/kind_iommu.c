/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_iommu.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

enum { IOMMU_VTD, IOMMU_AMDVI, IOMMU_NR };

static const char *iommu_word(unsigned int i)
{
	static const char *const words[IOMMU_NR] = { "vt-d", "amd-vi" };

	return i < IOMMU_NR ? words[i] : NULL;
}

static const char *scope_word(unsigned int i)
{
	static const char *const words[] = {
		[EMT_CMD_GLOBAL] = "global",
		[EMT_CMD_DOMAIN] = "domain",
		[EMT_CMD_PAGES] = "pages",
		[EMT_CMD_DEVICE] = "device",
	};

	return i < EMT_ARRAY_SIZE(words) ? words[i] : NULL;
}

static const struct emt_column columns[ICMD_NR] = {
	[ICMD_QUEUE] = EMT_COLUMN("queue", EMT_COL_HEX, SHOWN, "machine address of the queue's first page"),
	[ICMD_IOMMU] = EMT_COLUMN("iommu", EMT_COL_STRING, SHOWN,
				  "vt-d: an invalidation queue; amd-vi: a command buffer",
				  .word = iommu_word, .nr_words = IOMMU_NR),
	[ICMD_OWNER] = EMT_COLUMN("owner", EMT_COL_STRING, SHOWN,
				  "whose page it is; a domain's is for an IOMMU that the domain was shown",
				  .word = emt_queue_owner_name, .nr_words = EMT_QUEUE_OWNER_NR),
	[ICMD_OWNER_DOMAIN] =
		EMT_COLUMN("owner_domain", EMT_COL_NUMBER, NUL, "owner is domain: its id, where it is known"),
	[ICMD_INDEX] = EMT_COLUMN("index", EMT_COL_NUMBER, SHOWN | EMT_COLF_RIGHT, "slot in the queue"),
	[ICMD_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, SHOWN,
				    "kind of command; unknown: none of the specification",
				    .word = emt_iommu_cmd_name, .nr_words = EMT_CMD_NR),
	[ICMD_SCOPE] = EMT_COLUMN("scope", EMT_COL_STRING, NUL,
				  "how much it invalidates; null for what invalidates nothing",
				  .word = scope_word, .nr_words = EMT_CMD_DEVICE + 1),
	[ICMD_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN | NUL,
				   "domain id of the hardware, which need not be Xen's; null for none"),
	[ICMD_DEVICE] = EMT_COLUMN("device", EMT_COL_STRING, SHOWN | NUL,
				   "bus:device.function; null when it names none"),
	[ICMD_DFN] = EMT_COLUMN("dfn", EMT_COL_FRAME, SHOWN | NUL,
				"scope pages: the first device frame", .unit = "dfn"),
	[ICMD_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN | NUL, "scope pages: how many",
				   .unit = "frames"),
	[ICMD_LEAF_ONLY] = EMT_COLUMN("leaf_only", EMT_COL_BOOL, 0,
				      "caches of higher table levels are kept (VT-d IH, AMD-Vi PDE clear)"),
	[ICMD_RESERVED] =
		EMT_COLUMN("reserved", EMT_COL_BOOL, 0, "reserved bits are set: it is no evidence"),
	[ICMD_INVALIDATES] =
		EMT_COLUMN("invalidates", EMT_COL_STRING, NUL,
			   "in words, what it makes hardware forget; null for what invalidates nothing"),
	[ICMD_LOW] = EMT_COLUMN("low", EMT_COL_HEX, SHOWN, "first 64 bits"),
	[ICMD_HIGH] = EMT_COLUMN("high", EMT_COL_HEX, SHOWN, "second 64 bits"),
};
const struct emt_record_kind emt_kind_iommu_command = {
	.name = "iommu_command", .schema = "emt.iommu_command", .columns = columns, .nr_columns = ICMD_NR,
	.help = "a command in an IOMMU's queue, as it stands in memory",
};

static bool invalidates(const struct emt_iommu_cmd *c)
{
	return c->what != EMT_CMD_WAIT && c->what != EMT_CMD_OTHER && c->what != EMT_CMD_UNKNOWN;
}

void emt_fill_iommu_command(struct emt_rec *rec, const struct emt_iommu_queue *q,
			    const struct emt_iommu_cmd *c)
{
	char text[192];

	emt_rec_u64(rec, ICMD_QUEUE, q->maddr);
	emt_rec_str(rec, ICMD_IOMMU, iommu_word(q->amd ? IOMMU_AMDVI : IOMMU_VTD));
	emt_rec_str(rec, ICMD_OWNER, emt_queue_owner_name(q->owner));
	if (q->domid_known)
		emt_rec_u64(rec, ICMD_OWNER_DOMAIN, q->domid);
	emt_rec_u64(rec, ICMD_INDEX, c->index);
	emt_rec_str(rec, ICMD_COMMAND, emt_iommu_cmd_name(c->what));
	if (c->did >= 0)
		emt_rec_u64(rec, ICMD_DOMAIN, (uint64_t)c->did);
	if (c->device >= 0)
		emt_rec_fmt(rec, ICMD_DEVICE, "%02x:%02x.%x", (unsigned int)c->device >> 8,
			    (unsigned int)c->device >> 3 & 31, (unsigned int)c->device & 7);
	if (invalidates(c)) {
		emt_rec_str(rec, ICMD_SCOPE, scope_word(c->scope));
		emt_iommu_cmd_text(c, text, sizeof(text));
		emt_rec_str(rec, ICMD_INVALIDATES, text);
		if (c->scope == EMT_CMD_PAGES) {
			emt_rec_u64(rec, ICMD_DFN, c->dfn);
			emt_rec_u64(rec, ICMD_FRAMES, c->frames);
		}
	}
	emt_rec_bool(rec, ICMD_LEAF_ONLY, invalidates(c) && c->scope == EMT_CMD_PAGES && c->leaf_only);
	emt_rec_bool(rec, ICMD_RESERVED, c->reserved);
	emt_rec_u64(rec, ICMD_LOW, c->raw[0]);
	emt_rec_u64(rec, ICMD_HIGH, c->raw[1]);
}
