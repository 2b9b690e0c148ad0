/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts: everything known of host and domain, and how to get the rest.
 */
#include <stdio.h>
#include <string.h>

#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/layout.h"
#include "policy/mtrr.h"

#define CELL_RANGES 4 /* ranges spelt out in 'value' */

/* ---- kinds ---- */

enum { RNG_FIRST, RNG_LAST, RNG_TAG, RNG_TAG_NAME, RNG_HELD, RNG_NR };
static const struct emt_column range_columns[RNG_NR] = {
	[RNG_FIRST] = EMT_COLUMN("first", EMT_COL_FRAME, EMT_COLF_SHOWN, "first frame or port",
				 .unit = "frame or port"),
	[RNG_LAST] = EMT_COLUMN("last", EMT_COL_FRAME, EMT_COLF_SHOWN, "last frame or port",
				.unit = "frame or port"),
	[RNG_TAG] = EMT_COLUMN("tag", EMT_COL_NUMBER, 0, "type or kind by number; see the fact"),
	[RNG_TAG_NAME] =
		EMT_COLUMN("tag_name", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "the same in words"),
	[RNG_HELD] =
		EMT_COLUMN("held", EMT_COL_STRING, 0, "how firmly", .word = emt_held_name, .nr_words = 3),
};
static const struct emt_record_kind kind_range = {
	.name = "fact_range",
	.schema = "emt.fact_range",
	.help = "a range of a list fact, both ends included",
	.columns = range_columns,
	.nr_columns = RNG_NR,
};

enum { REG_VCPU, REG_NAME, REG_VALUE, REG_HELD, REG_NR };
static const struct emt_column register_columns[REG_NR] = {
	[REG_VCPU] = EMT_COLUMN("vcpu", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_NULL,
				"vCPU; null for the host's"),
	[REG_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "name of the register"),
	[REG_VALUE] = EMT_COLUMN("value", EMT_COL_HEX, EMT_COLF_SHOWN, "its value"),
	[REG_HELD] = EMT_COLUMN("held", EMT_COL_STRING, EMT_COLF_SHOWN, "how firmly", .word = emt_held_name,
				.nr_words = 3),
};
static const struct emt_record_kind kind_register = {
	.name = "fact_register", .schema = "emt.fact_register", .help = "a register of an MTRR or PAT fact",
	.columns = register_columns, .nr_columns = REG_NR,
};

enum { FACT_DOMAIN, FACT_FACT, FACT_HELD, FACT_VALUE, FACT_REST, FACT_ORIGIN, FACT_TIME, FACT_SINCE,
       FACT_SCOPE_FIRST, FACT_SCOPE_LAST, FACT_RANGES, FACT_REGISTERS, FACT_HELP, FACT_HOW, FACT_NR };

static enum emt_style style_held(const char *text)
{
	return *text == 'k' ? EMT_STYLE_GOOD : *text == 'a' ? EMT_STYLE_WARN : EMT_STYLE_FAINT;
}

static const struct emt_column fact_columns[FACT_NR] = {
	[FACT_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[FACT_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, EMT_COLF_SHOWN, "name, as in a facts file"),
	[FACT_HELD] = EMT_COLUMN("held", EMT_COL_STRING, EMT_COLF_SHOWN, "how firmly", .word = emt_held_name,
				 .nr_words = 3, .style = style_held),
	[FACT_VALUE] =
		EMT_COLUMN("value", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "value, for people"),
	[FACT_REST] = EMT_COLUMN("rest", EMT_COL_STRING, EMT_COLF_NULL,
				 "lists: how firmly what is not listed is absent; null for others",
				 .word = emt_held_name, .nr_words = 3),
	[FACT_ORIGIN] = EMT_COLUMN("origin", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "who says so"),
	[FACT_TIME] = EMT_COLUMN("time", EMT_COL_TIME, EMT_COLF_NULL, "when it was observed"),
	[FACT_SINCE] =
		EMT_COLUMN("since", EMT_COL_TIME, EMT_COLF_NULL, "lists: complete for changes from here on"),
	[FACT_SCOPE_FIRST] = EMT_COLUMN("scope_first", EMT_COL_FRAME, EMT_COLF_NULL,
					"lists: they are about frames from here", .unit = "frame"),
	[FACT_SCOPE_LAST] = EMT_COLUMN("scope_last", EMT_COL_FRAME, EMT_COLF_NULL, "to here; null: no limit",
				       .unit = "frame"),
	[FACT_RANGES] =
		EMT_COLUMN("ranges", EMT_COL_LIST, 0, "lists: the ranges", .sub = &kind_range, .join = ", "),
	[FACT_REGISTERS] = EMT_COLUMN("registers", EMT_COL_LIST, 0, "MTRRs, PAT, CR0: the registers",
				      .sub = &kind_register, .join = ", "),
	[FACT_HELP] = EMT_COLUMN("help", EMT_COL_STRING, 0, "what the fact is"),
	[FACT_HOW] = EMT_COLUMN("how", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL | EMT_COLF_WRAP,
				"how to get it; null when it is known"),
};
static int layout_fact(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *held = emt_rec_get_str(rec, FACT_HELD);
	char first[80], text[800];

	(void)variant;
	emt_text_puts(t, style_held(held), held);
	snprintf(first, sizeof(first), "%*s%-19s ", (int)(9 - strlen(held)), "", emt_rec_get_str(rec, FACT_FACT));
	snprintf(text, sizeof(text), "%s", emt_rec_has(rec, FACT_VALUE) ? emt_rec_get_str(rec, FACT_VALUE) : "-");
	if (emt_rec_has(rec, FACT_ORIGIN))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " (%s)", emt_rec_get_str(rec, FACT_ORIGIN));
	if (emt_rec_has(rec, FACT_REST) && strcmp(emt_rec_get_str(rec, FACT_REST), held))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "; that there are no others is %s",
			 emt_rec_get_str(rec, FACT_REST));
	emt_text_para(t, first, 29, text);
	if (emt_rec_has(rec, FACT_HOW)) {
		snprintf(first, sizeof(first), "%29sto know: ", "");
		emt_text_para(t, first, 38, emt_rec_get_str(rec, FACT_HOW));
	}
	return 0;
}

static const struct emt_record_kind kind_fact = {
	.name = "fact", .schema = "emt.fact", .help = "something the rules look at",
	.columns = fact_columns, .nr_columns = FACT_NR, .layout = layout_fact,
};

/* ---- values ---- */

static const char *tag_name(enum emt_fact_id id, uint32_t tag, char buffer[EMT_BAR_ROOM])
{
	static const char *const e820[] = { NULL, "ram", "reserved", "acpi", "nvs", "unusable" };
	static const char *const slot[] = { NULL, "log-dirty", "read-only", "read-only, log-dirty", [8] = "noncoherent" };

	switch (id) {
	case EMT_FACT_PINS: return tag == EMT_MT_7 ? "UC-" : emt_mt_name(tag);
	case EMT_FACT_P2M_TYPES: return emt_p2mt_name(tag);
	case EMT_FACT_SPECIAL: return tag == EMT_SPECIAL_XENHEAP ? "xenheap" : "extra";
	case EMT_FACT_HOST_E820:
	case EMT_FACT_GUEST_E820:
		return tag < EMT_ARRAY_SIZE(e820) ? e820[tag] : NULL;
	case EMT_FACT_PCI_BARS:
		return emt_bar_name(tag, buffer);
	case EMT_FACT_KVM_MEMSLOTS:
		return tag < EMT_ARRAY_SIZE(slot) ? slot[tag] : NULL;
	default: return NULL;
	}
}

static void fill_list(struct emt_rec *rec, enum emt_fact_id id, const struct emt_ranges *list)
{
	char text[400] = "", one[64], buffer[EMT_BAR_ROOM];
	size_t at = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct emt_range *r = &list->v[i];
		const char *name = tag_name(id, r->tag, buffer);
		struct emt_rec *sub = emt_rec_add(rec, FACT_RANGES);

		emt_rec_u64(sub, RNG_FIRST, r->first);
		emt_rec_u64(sub, RNG_LAST, r->last);
		emt_rec_u64(sub, RNG_TAG, r->tag);
		if (name)
			emt_rec_text(sub, RNG_TAG_NAME, name);
		emt_rec_str(sub, RNG_HELD, emt_held_name(r->held));
		if (i < CELL_RANGES)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s%s", i ? ", " : "",
					       emt_fmt_range(r->first, r->last, one, sizeof(one)),
					       name ? " " : "", name ? name : "");
	}
	if (list->n > CELL_RANGES)
		snprintf(text + at, sizeof(text) - at, " and %zu more", list->n - CELL_RANGES);
	emt_rec_str(rec, FACT_VALUE, list->n ? text : "none");
}

static void add_register(struct emt_rec *rec, int64_t vcpu, const char *name, uint64_t value,
			 unsigned int held)
{
	struct emt_rec *r = emt_rec_add(rec, FACT_REGISTERS);

	if (vcpu >= 0)
		emt_rec_u64(r, REG_VCPU, (uint64_t)vcpu);
	emt_rec_str(r, REG_NAME, name);
	emt_rec_u64(r, REG_VALUE, value);
	emt_rec_str(r, REG_HELD, emt_held_name(held));
}

static void add_mtrr(struct emt_rec *rec, int64_t vcpu, const struct emt_mtrr *m)
{
	static const char *const fixed[EMT_MTRR_FIXED_NR] = {
		"MTRRfix64K_00000", "MTRRfix16K_80000", "MTRRfix16K_A0000", "MTRRfix4K_C0000",
		"MTRRfix4K_C8000",  "MTRRfix4K_D0000",	"MTRRfix4K_D8000",  "MTRRfix4K_E0000",
		"MTRRfix4K_E8000",  "MTRRfix4K_F0000",	"MTRRfix4K_F8000",
	};
	char name[32];

	add_register(rec, vcpu, "MTRRdefType",
		     (uint64_t)m->def_type | (uint64_t)m->fe << 10 | (uint64_t)m->e << 11, m->def_held);
	for (unsigned int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		add_register(rec, vcpu, fixed[i], m->fixed[i], m->fixed_held);
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++) {
		snprintf(name, sizeof(name), "MTRRphysBase%u", i);
		add_register(rec, vcpu, name, m->var[i][0], m->var_held[i]);
		snprintf(name, sizeof(name), "MTRRphysMask%u", i);
		add_register(rec, vcpu, name, m->var[i][1], m->var_held[i]);
	}
}

/* "default UC, 0x0-0x7ffff WB, ..." */
static void mtrr_text(const struct emt_mtrr *m, char *out, size_t room)
{
	unsigned int shown = 0, more = 0;
	size_t at;

	if (!m->e) {
		snprintf(out, room, "off: all UC");
		return;
	}
	at = (size_t)snprintf(out, room, "default %s%s", emt_mt_name(m->def_type),
			      m->fe ? ", fixed ranges on" : "");
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++) {
		uint64_t first, last;
		char one[64];

		if (!emt_mtrr_var_range(m, i, &first, &last))
			continue;
		if (shown++ >= CELL_RANGES) {
			more++;
			continue;
		}
		at += (size_t)snprintf(out + at, at < room ? room - at : 0, ", %s %s%s",
				       emt_fmt_range(first, last, one, sizeof(one)),
				       emt_mt_name((unsigned int)m->var[i][0] & 7),
				       m->var_held[i] == EMT_UNKNOWN ? " (unknown)" : "");
		if (at >= room)
			return;
	}
	if (more)
		snprintf(out + at, room - at, " and %u more", more);
}

static bool same_mtrr(const struct emt_mtrr *a, const struct emt_mtrr *b)
{
	return a->def_type == b->def_type && a->e == b->e && a->fe == b->fe && a->vcnt == b->vcnt &&
	       !memcmp(a->fixed, b->fixed, sizeof(a->fixed)) &&
	       !memcmp(a->var, b->var, a->vcnt * sizeof(a->var[0]));
}

static void fill_vcpus(struct emt_rec *rec, const struct emt_facts *f)
{
	char text[400], one[360];
	bool equal = true;

	for (uint32_t i = 0; i < f->nr_vcpus; i++) {
		add_mtrr(rec, i, &f->vcpu_mtrr[i]);
		equal &= same_mtrr(&f->vcpu_mtrr[0], &f->vcpu_mtrr[i]);
	}
	if (!f->nr_vcpus) {
		emt_rec_str(rec, FACT_VALUE, "no vCPU");
		return;
	}
	mtrr_text(&f->vcpu_mtrr[0], one, sizeof(one));
	snprintf(text, sizeof(text), "%u vCPU%s%s: %s", f->nr_vcpus, f->nr_vcpus == 1 ? "" : "s",
		 f->nr_vcpus == 1 ? "" : equal ? ", all alike" : ", not alike; the first", one);
	emt_rec_str(rec, FACT_VALUE, text);
}

static void fill_msrs(struct emt_rec *rec, const struct emt_facts *f, const char *name, const uint64_t *v,
		      unsigned int held)
{
	char text[200] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < f->nr_vcpus; i++) {
		add_register(rec, i, name, v[i], held);
		if (i < 4)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s0x%llx", i ? ", " : "",
					       (unsigned long long)v[i]);
	}
	if (f->nr_vcpus > 4)
		snprintf(text + at, sizeof(text) - at, " and %u more", f->nr_vcpus - 4);
	emt_rec_text(rec, FACT_VALUE, text);
}

static void fill_number(struct emt_rec *rec, const struct emt_facts *f, enum emt_fact_id id)
{
	switch (id) {
	case EMT_FACT_PCI_DEVICES: emt_rec_fmt(rec, FACT_VALUE, "%u", f->pci_devices); break;
	case EMT_FACT_CURRENT:
		emt_rec_fmt(rec, FACT_VALUE, f->current < 0 ? "dom0" : "vCPU %d", f->current);
		break;
	case EMT_FACT_APIC_MFN:
		if (f->apic_mfn == EMT_NO_FRAME)
			emt_rec_str(rec, FACT_VALUE, "none");
		else
			emt_rec_fmt(rec, FACT_VALUE, "0x%llx", (unsigned long long)f->apic_mfn);
		break;
	case EMT_FACT_MAX_PAGE:
		emt_rec_fmt(rec, FACT_VALUE, "0x%llx", (unsigned long long)f->max_page);
		break;
	case EMT_FACT_KVM_MAXPHYADDR: emt_rec_fmt(rec, FACT_VALUE, "%u", f->kvm_maxphyaddr); break;
	case EMT_FACT_VCPU_PAT: fill_msrs(rec, f, "IA32_PAT", f->vcpu_pat, f->prov[id].held); break;
	case EMT_FACT_VCPU_CR0: fill_msrs(rec, f, "CR0", f->vcpu_cr0, f->prov[id].held); break;
	case EMT_FACT_VCPU_CR3: fill_msrs(rec, f, "CR3", f->vcpu_cr3, f->prov[id].held); break;
	case EMT_FACT_VCPU_CR4: fill_msrs(rec, f, "CR4", f->vcpu_cr4, f->prov[id].held); break;
	case EMT_FACT_VCPU_EFER: fill_msrs(rec, f, "EFER", f->vcpu_efer, f->prov[id].held); break;
	default: break;
	}
}

static void fill_mtrr(struct emt_rec *rec, const struct emt_facts *f, enum emt_fact_id id)
{
	char text[400];

	if (id == EMT_FACT_VCPU_MTRR) {
		fill_vcpus(rec, f);
	} else if (id == EMT_FACT_HOST_MTRR) {
		add_mtrr(rec, -1, &f->host_mtrr);
		mtrr_text(&f->host_mtrr, text, sizeof(text));
		emt_rec_str(rec, FACT_VALUE, text);
	} else {
		for (uint32_t i = 0; i < f->nr_host_earlier; i++)
			add_mtrr(rec, -1, &f->host_earlier[i]);
		emt_rec_fmt(rec, FACT_VALUE, "%u earlier state%s", f->nr_host_earlier,
			    f->nr_host_earlier == 1 ? "" : "s");
	}
}

static void fill_value(struct emt_rec *rec, const struct emt_facts *f, enum emt_fact_id id)
{
	const struct emt_ranges *list = emt_facts_clist(f, id);
	uint8_t *flag = emt_facts_flag((struct emt_facts *)(uintptr_t)f, id);

	if (list)
		fill_list(rec, id, list);
	else if (flag)
		emt_rec_str(rec, FACT_VALUE, *flag ? "yes" : "no");
	else if (id == EMT_FACT_RELEASE)
		emt_rec_str(rec, FACT_VALUE, f->release);
	else if (id == EMT_FACT_PV_KERNEL)
		emt_rec_text(rec, FACT_VALUE, f->pv_kernel);
	else if (id == EMT_FACT_PAGING)
		emt_rec_str(rec, FACT_VALUE, emt_paging_name(f->paging));
	else if (emt_fact_descs[id].kind == EMT_FK_MTRR)
		fill_mtrr(rec, f, id);
	else
		fill_number(rec, f, id);
}

static void fill_fact(struct emt_rec *rec, const struct emt_facts *f, enum emt_fact_id id, uint32_t domid)
{
	const struct emt_fact_desc *d = &emt_fact_descs[id];
	const struct emt_prov *p = &f->prov[id];
	bool list = d->kind == EMT_FK_LIST;

	emt_rec_u64(rec, FACT_DOMAIN, domid);
	emt_rec_str(rec, FACT_FACT, d->name);
	emt_rec_str(rec, FACT_HELD, emt_held_name(p->held));
	emt_rec_list(rec, FACT_RANGES);
	emt_rec_list(rec, FACT_REGISTERS);
	/* A list may have known members though its rest is unknown. */
	if (p->held != EMT_UNKNOWN || (list && emt_facts_clist(f, id)->n))
		fill_value(rec, f, id);
	if (list)
		emt_rec_str(rec, FACT_REST, emt_held_name(p->rest));
	emt_rec_text(rec, FACT_ORIGIN, p->origin);
	emt_rec_time(rec, FACT_TIME, p->time);
	if (list) {
		emt_rec_time(rec, FACT_SINCE, p->since);
		emt_rec_u64(rec, FACT_SCOPE_FIRST, p->first);
		if (p->last != EMT_NO_FRAME)
			emt_rec_u64(rec, FACT_SCOPE_LAST, p->last);
	}
	emt_rec_str(rec, FACT_HELP, d->help);
	if (p->held != EMT_KNOWN || (list && p->rest != EMT_KNOWN))
		emt_rec_str(rec, FACT_HOW, d->how);
}

static int run_facts(struct emt_ctx *ctx)
{
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	if (emt_source_walks(s) > 1)
		emt_out_show(ctx->out, &kind_fact, FACT_DOMAIN);
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++) {
		struct emt_source_walk walk;
		struct emt_facts f;

		rc = emt_source_walk(s, i, &walk, ctx->err);
		if (rc)
			break;
		rc = emt_ctx_facts(ctx, s, i, &f);
		for (int id = 0; id < EMT_FACT_NR && !rc; id++) {
			struct emt_rec *rec;

			if (!emt_fact_concerns(&f, (enum emt_fact_id)id) && !emt_parse_flag(ctx->args, "all"))
				continue;
			rec = emt_out_rec(ctx->out, &kind_fact);
			if (rec)
				fill_fact(rec, &f, (enum emt_fact_id)id, walk.domid);
			rc = emt_out_put(ctx->out, rec, ctx->err);
		}
		emt_facts_free(&f);
	}
	emt_source_close(s);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose facts: a capture file, or a domain" },
	{ .name = "all", .type = EMT_ARG_FLAG, .letter = 'a', .help = "facts of other hypervisors too" },
};
static const struct emt_section sections[] = { { "facts", &kind_fact, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.facts", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "facts guest.emt", "what is known, assumed, unknown" },
	{ "facts guest.emt --where 'held == \"unknown\"' -o fact,how", "what is missing and how to get it" },
};

const struct emt_command emt_cmd_facts = {
	.name = "facts",
	.group = "Look at a guest",
	.summary = "show what is known of host and domain, and how to get the rest",
	.description =
		"Shows every fact that the rules look at: its value, whether it is known, assumed or "
		"unknown, who says so, and for what is not known how to get it. A verdict that needs an "
		"assumed fact to be false is suspect, never mismatch; one that an unknown fact would "
		"decide is undetermined.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_facts,
};
