/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_iommu_watch.h"

#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL
#define RIGHT EMT_COLF_RIGHT

static enum emt_style style_status(const char *text)
{
	for (unsigned int i = 0; i < EMT_UNMAP_NR; i++)
		if (!strcmp(text, emt_unmap_status_name(i)))
			return emt_style_severity(emt_severity_name(emt_unmap_severity((enum emt_unmap_status)i)));
	return EMT_STYLE_NONE;
}

static const struct emt_column unmap_columns[IUNM_NR] = {
	[IUNM_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when it was unmapped"),
	[IUNM_USEC] = EMT_COLUMN("microseconds", EMT_COL_NUMBER, 0, "of that second"),
	[IUNM_STATUS] = EMT_COLUMN("status", EMT_COL_STRING, SHOWN,
				   "flushed: within the window; deferred, late: after it; missed: not seen; reused: mapped "
				   "again before; open, unknown: not judged",
				   .word = emt_unmap_status_name, .nr_words = EMT_UNMAP_NR, .style = style_status),
	[IUNM_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, 0, "level", .word = emt_severity_name,
				     .nr_words = EMT_SEV_NR),
	[IUNM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN | NUL | RIGHT,
				   "domain of the IOMMU, numbered as they are met; null: not seen"),
	[IUNM_TYPE] = EMT_COLUMN("domain_type", EMT_COL_STRING, SHOWN,
				 "dma: of drivers; dma-fq: the same, with flushes put off; unmanaged: of VFIO and others",
				 .word = emt_iommu_domain_type_name, .nr_words = EMT_IOMMU_DOMAIN_TYPES),
	[IUNM_DFN] = EMT_COLUMN("dfn", EMT_COL_FRAME, SHOWN, "first device frame", .unit = "dfn"),
	[IUNM_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN | RIGHT, "how many", .unit = "frames"),
	[IUNM_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "what was unmapped", .unit = "bytes"),
	[IUNM_AFTER_NS] = EMT_COLUMN("after_ns", EMT_COL_NUMBER, SHOWN | NUL | RIGHT,
				     "time until its flush, or until it was mapped again; null: neither was seen",
				     .unit = "ns"),
	[IUNM_FLUSHED] = EMT_COLUMN("flush_seen", EMT_COL_BOOL, 0, "a flush followed it"),
	[IUNM_PID] = EMT_COLUMN("pid", EMT_COL_NUMBER, 0, "process that was running"),
	[IUNM_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, SHOWN, "its name"),
	[IUNM_CPU] = EMT_COLUMN("cpu", EMT_COL_NUMBER, 0, "where"),
};
const struct emt_record_kind emt_kind_iommu_unmap = {
	.name = "iommu_unmap", .schema = "emt.iommu_unmap", .help = "an unmap of a Linux host's IOMMU, and its flush",
	.columns = unmap_columns, .nr_columns = IUNM_NR,
};

void emt_fill_iommu_unmap(struct emt_rec *rec, const struct emt_unmap *u, int64_t to_realtime)
{
	const struct emt_iommu_event *e = &u->event;
	int64_t at = (int64_t)e->time + to_realtime;

	emt_rec_time(rec, IUNM_TIME, at / 1000000000);
	emt_rec_u64(rec, IUNM_USEC, (uint64_t)(at % 1000000000 / 1000));
	emt_rec_str(rec, IUNM_STATUS, emt_unmap_status_name(u->status));
	emt_rec_str(rec, IUNM_SEVERITY, emt_severity_name(emt_unmap_severity(u->status)));
	if (e->domain)
		emt_rec_u64(rec, IUNM_DOMAIN, e->domain);
	emt_rec_str(rec, IUNM_TYPE, emt_iommu_domain_type_name(e->type));
	emt_rec_u64(rec, IUNM_DFN, e->iova >> 12);
	emt_rec_u64(rec, IUNM_FRAMES, (e->last >> 12) - (e->iova >> 12) + 1);
	emt_rec_u64(rec, IUNM_BYTES, e->last - e->iova + 1);
	if (!u->no_flush || u->status == EMT_UNMAP_REUSED)
		emt_rec_u64(rec, IUNM_AFTER_NS, u->after_ns);
	emt_rec_bool(rec, IUNM_FLUSHED, !u->no_flush);
	emt_rec_u64(rec, IUNM_PID, e->pid);
	emt_rec_text(rec, IUNM_COMMAND, e->command);
	emt_rec_u64(rec, IUNM_CPU, e->cpu);
}

/* ---- the watch ---- */

enum { CPU_CPU, CPU_LOST, CPU_NR };
static const struct emt_column cpu_columns[CPU_NR] = {
	[CPU_CPU] = EMT_COLUMN("cpu", EMT_COL_NUMBER, SHOWN, "processor"),
	[CPU_LOST] = EMT_COLUMN("lost", EMT_COL_NUMBER, SHOWN, "events lost there"),
};
static const struct emt_record_kind kind_cpu = {
	.name = "cpu_lost", .schema = "emt.cpu_lost", .help = "events without room in the ring, on one processor",
	.columns = cpu_columns, .nr_columns = CPU_NR,
};

static const struct emt_column watch_columns[IWAT_NR] = {
	[IWAT_WAY] = EMT_COLUMN("way", EMT_COL_STRING, SHOWN, "how flushes were seen", .word = emt_iommu_way_name,
				.nr_words = EMT_IOMMU_WAYS),
	[IWAT_FALLBACK] = EMT_COLUMN("fallback", EMT_COL_STRING, NUL, "why better ways were not taken"),
	[IWAT_FUNCTIONS] = EMT_COLUMN("functions", EMT_COL_STRINGS, 0, "functions of the kernel that were watched"),
	[IWAT_FROM] = EMT_COLUMN("from", EMT_COL_TIME, SHOWN, "seen from here on"),
	[IWAT_TO] = EMT_COLUMN("to", EMT_COL_TIME, SHOWN, "up to here"),
	[IWAT_WINDOW_NS] = EMT_COLUMN("window_ns", EMT_COL_NUMBER, SHOWN, "time in which a flush is expected", .unit = "ns"),
	[IWAT_MAPS] = EMT_COLUMN("maps", EMT_COL_NUMBER, SHOWN, "maps seen"),
	[IWAT_UNMAPS] = EMT_COLUMN("unmaps", EMT_COL_NUMBER, SHOWN, "unmaps seen"),
	[IWAT_FLUSHES] = EMT_COLUMN("flushes", EMT_COL_NUMBER, 0, "flushes of ranges seen"),
	[IWAT_FLUSHES_ALL] = EMT_COLUMN("flushes_all", EMT_COL_NUMBER, 0, "flushes of whole domains seen"),
	[IWAT_FLUSHED] = EMT_COLUMN("flushed", EMT_COL_NUMBER, SHOWN, "unmaps whose flush came within the window"),
	[IWAT_DEFERRED] = EMT_COLUMN("deferred", EMT_COL_NUMBER, SHOWN, "after it, where the domain defers flushes"),
	[IWAT_LATE] = EMT_COLUMN("late", EMT_COL_NUMBER, SHOWN, "after it, where it does not"),
	[IWAT_MISSED] = EMT_COLUMN("missed", EMT_COL_NUMBER, SHOWN, "no flush was seen"),
	[IWAT_REUSED] = EMT_COLUMN("reused", EMT_COL_NUMBER, SHOWN, "mapped again before their flush"),
	[IWAT_OPEN] = EMT_COLUMN("open", EMT_COL_NUMBER, 0, "the watch ended within the window"),
	[IWAT_UNKNOWN] = EMT_COLUMN("unknown", EMT_COL_NUMBER, 0, "the domain was not seen, or the flush may be among lost events"),
	[IWAT_FORGOTTEN] = EMT_COLUMN("forgotten", EMT_COL_NUMBER, 0, "too many waited for their flush"),
	[IWAT_MEDIAN_NS] = EMT_COLUMN("median_ns", EMT_COL_NUMBER, 0, "time from unmap to flush: half took no longer, to a factor of two",
				      .unit = "ns"),
	[IWAT_P99_NS] = EMT_COLUMN("p99_ns", EMT_COL_NUMBER, 0, "99 of 100 took no longer, to a factor of two", .unit = "ns"),
	[IWAT_LONGEST_NS] = EMT_COLUMN("longest_ns", EMT_COL_NUMBER, 0, "the longest", .unit = "ns"),
	[IWAT_KVM] = EMT_COLUMN("kvm_flushes", EMT_COL_NUMBER, NUL,
				"KVM's flushes of a guest's TLBs on all vCPUs; null: KVM is not there"),
	[IWAT_LOST] = EMT_COLUMN("lost", EMT_COL_NUMBER, SHOWN, "events lost: no room in the ring"),
	[IWAT_LOST_BY_CPU] = EMT_COLUMN("lost_by_cpu", EMT_COL_LIST, 0, "where, if any were", .sub = &kind_cpu),
};

static void time_text(uint64_t ns, char *out, size_t room)
{
	if (ns < 10000)
		snprintf(out, room, "%llu ns", (unsigned long long)ns);
	else if (ns < 10000000)
		snprintf(out, room, "%llu us", (unsigned long long)ns / 1000);
	else
		snprintf(out, room, "%llu ms", (unsigned long long)ns / 1000000);
}

static int layout_watch(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const unsigned int parts[] = { IWAT_FLUSHED, IWAT_DEFERRED, IWAT_LATE, IWAT_MISSED, IWAT_REUSED, IWAT_OPEN,
					      IWAT_UNKNOWN, IWAT_FORGOTTEN };
	char from[40], to[40], n[32], window[32], median[32], p99[32], longest[32];
	bool any = false;

	(void)variant;
	emt_text_gap(t);
	time_text(emt_rec_get_u64(rec, IWAT_WINDOW_NS), window, sizeof(window));
	emt_text_printf(t, "%s to %s by %s: %s maps, ", emt_fmt_time(emt_rec_get_time(rec, IWAT_FROM), from, sizeof(from)),
			emt_fmt_time(emt_rec_get_time(rec, IWAT_TO), to, sizeof(to)), emt_rec_get_str(rec, IWAT_WAY),
			emt_fmt_count(emt_rec_get_u64(rec, IWAT_MAPS), n, sizeof(n)));
	emt_text_printf(t, "%s unmaps, a flush expected within %s\n",
			emt_fmt_count(emt_rec_get_u64(rec, IWAT_UNMAPS), n, sizeof(n)), window);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts); i++) {
		uint64_t count = emt_rec_get_u64(rec, parts[i]);

		if (!count)
			continue;
		emt_text_printf(t, "%s%s ", any ? ", " : "  ", emt_fmt_count(count, n, sizeof(n)));
		emt_text_puts(t, style_status(watch_columns[parts[i]].name), watch_columns[parts[i]].name);
		any = true;
	}
	if (any)
		emt_text_printf(t, "\n");
	if (emt_rec_get_u64(rec, IWAT_LONGEST_NS)) {
		time_text(emt_rec_get_u64(rec, IWAT_MEDIAN_NS), median, sizeof(median));
		time_text(emt_rec_get_u64(rec, IWAT_P99_NS), p99, sizeof(p99));
		time_text(emt_rec_get_u64(rec, IWAT_LONGEST_NS), longest, sizeof(longest));
		emt_text_printf(t, "  from unmap to flush: half below %s, 99 %% below %s, longest %s\n", median, p99, longest);
	}
	if (emt_rec_has(rec, IWAT_KVM))
		emt_text_printf(t, "  KVM flushed the TLBs of all vCPUs %s times\n",
				emt_fmt_count(emt_rec_get_u64(rec, IWAT_KVM), n, sizeof(n)));
	if (!emt_rec_get_u64(rec, IWAT_LOST))
		return 0;
	emt_text_puts(t, EMT_STYLE_WARN, "  LOST");
	for (size_t i = 0; i < emt_rec_count(rec, IWAT_LOST_BY_CPU); i++) {
		const struct emt_rec *c = emt_rec_at(rec, IWAT_LOST_BY_CPU, i);

		emt_text_printf(t, "%s %llu events on CPU %llu", i ? "," : "", (unsigned long long)emt_rec_get_u64(c, CPU_LOST),
				(unsigned long long)emt_rec_get_u64(c, CPU_CPU));
	}
	emt_text_printf(t, ": what is missing may be a flush\n");
	return 0;
}

const struct emt_record_kind emt_kind_iommu_watch = {
	.name = "iommu_watch", .schema = "emt.iommu_watch", .help = "one time of watching a Linux host's IOMMU",
	.columns = watch_columns, .nr_columns = IWAT_NR, .layout = layout_watch,
};

void emt_fill_iommu_watch(struct emt_rec *rec, const struct emt_iommu_watch *w, const struct emt_pair_sum *s,
			  int64_t from, int64_t to, uint64_t window_ns)
{
	static const unsigned int columns[EMT_UNMAP_NR] = {
		[EMT_UNMAP_FLUSHED] = IWAT_FLUSHED, [EMT_UNMAP_DEFERRED] = IWAT_DEFERRED, [EMT_UNMAP_LATE] = IWAT_LATE,
		[EMT_UNMAP_MISSED] = IWAT_MISSED,   [EMT_UNMAP_REUSED] = IWAT_REUSED,     [EMT_UNMAP_OPEN] = IWAT_OPEN,
		[EMT_UNMAP_UNKNOWN] = IWAT_UNKNOWN,
	};
	struct emt_iommu_counts c;
	const char *name;
	uint64_t lost;

	emt_iommu_watch_counts(w, &c);
	emt_rec_str(rec, IWAT_WAY, emt_iommu_way_name(emt_iommu_watch_way(w)));
	emt_rec_text(rec, IWAT_FALLBACK, emt_iommu_watch_fallback(w));
	emt_rec_list(rec, IWAT_FUNCTIONS);
	for (size_t i = 0; (name = emt_iommu_watch_function(w, i)); i++)
		emt_rec_add_str(rec, IWAT_FUNCTIONS, name);
	emt_rec_time(rec, IWAT_FROM, from);
	emt_rec_time(rec, IWAT_TO, to);
	emt_rec_u64(rec, IWAT_WINDOW_NS, window_ns);
	emt_rec_u64(rec, IWAT_MAPS, c.maps);
	emt_rec_u64(rec, IWAT_UNMAPS, c.unmaps);
	emt_rec_u64(rec, IWAT_FLUSHES, c.flushes);
	emt_rec_u64(rec, IWAT_FLUSHES_ALL, c.flushes_all);
	for (unsigned int i = 0; i < EMT_UNMAP_NR; i++)
		emt_rec_u64(rec, columns[i], s->unmaps[i]);
	emt_rec_u64(rec, IWAT_FORGOTTEN, s->forgotten);
	emt_rec_u64(rec, IWAT_MEDIAN_NS, emt_pair_quantile(s, 50));
	emt_rec_u64(rec, IWAT_P99_NS, emt_pair_quantile(s, 99));
	emt_rec_u64(rec, IWAT_LONGEST_NS, s->longest_ns);
	if (emt_iommu_watch_has_kvm(w))
		emt_rec_u64(rec, IWAT_KVM, c.kvm);
	emt_rec_u64(rec, IWAT_LOST, c.lost);
	emt_rec_list(rec, IWAT_LOST_BY_CPU);
	for (unsigned int cpu = 0; emt_iommu_watch_lost(w, cpu, &lost); cpu++) {
		struct emt_rec *r = lost ? emt_rec_add(rec, IWAT_LOST_BY_CPU) : NULL;

		if (r) {
			emt_rec_u64(r, CPU_CPU, cpu);
			emt_rec_u64(r, CPU_LOST, lost);
		}
	}
}
