/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot log: version, command line, memory map, IOMMU, kind of paging; the host's
 * MTRRs are boot_mtrr.c's. And the version in the head of a register dump.
 */
#include "console/internal.h"

#include <stdio.h>
#include <string.h>

#define HOST CON_NO_DOMAIN

int con_boot_close(struct emt_console *c)
{
	c->boot.e820 = false;
	return con_boot_mtrr_close(c);
}

/* "4.17.7 (Debian 4.17.7+13-...) (user@host) (gcc ...) debug=n date": the version is
 * what is before the builder's address. */
static int banner(struct emt_console *c, const char *s, unsigned long line)
{
	char release[160];
	const char *end = s;
	int rc;

	end += strcspn(end, " ");
	while (end[0] == ' ' && end[1] == '(') {
		size_t n = strcspn(end + 2, "()"), at = strcspn(end + 2, "@");

		if (at < n || end[2 + n] != ')')
			break;
		end += n + 3;
	}
	if (end == s || end - s >= (long)sizeof(release) || *s < '0' || *s > '9')
		return 0;
	rc = con_enter(c, CON_BOOT);
	if (rc < 0)
		return rc;
	c->origin = "boot log";
	snprintf(release, sizeof(release), "%.*s", (int)(end - s), s);
	rc = con_fact_text(c, EMT_FACT_RELEASE, HOST, release, line);
	return rc < 0 ? rc : 1;
}

/* "----[ Xen-4.17.7  x86_64  debug=n  Not tainted ]----" */
static int dump_head(struct emt_console *c, const char *s, unsigned long line)
{
	char release[64];
	size_t n = strcspn(s, " ");
	int rc;

	if (!n || n >= sizeof(release) || s[n] != ' ' || *s < '0' || *s > '9')
		return 0;
	snprintf(release, sizeof(release), "%.*s", (int)n, s);
	c->origin = "register dump";
	rc = con_fact_text(c, EMT_FACT_RELEASE, HOST, release, line);
	return rc < 0 ? rc : 1;
}

static unsigned int e820_type(const char *s)
{
	static const struct {
		const char *name;
		unsigned int type;
	} types[] = {
		{ "(usable)", 1 }, { "(reserved)", 2 }, { "(ACPI data)", 3 }, { "(ACPI NVS)", 4 },
		{ "(unusable)", 5 },
	};
	uint32_t n;

	con_blanks(&s);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(types); i++)
		if (con_lit(&s, types[i].name))
			return con_blank_to_end(s) ? types[i].type : 0;
	return con_lit(&s, "type ") && con_u32(&s, &n) && con_blank_to_end(s) ? n : 0;
}

/* " [first, last] (usable)" since 4.14, " first - end (usable)" before. */
static bool e820_range(const char *s, uint64_t *first, uint64_t *last, unsigned int *type)
{
	con_blanks(&s);
	if (con_lit(&s, "[")) {
		if (!con_hex(&s, first) || !con_lit(&s, ", ") || !con_hex(&s, last) || !con_lit(&s, "]"))
			return false;
	} else {
		if (!con_hex(&s, first) || !con_lit(&s, " - ") || !con_hex(&s, last) || !*last)
			return false;
		--*last;
	}
	*type = e820_type(s);
	return *type && *last >= *first;
}

/* Whole frames of RAM; of everything else also those partly covered. */
static int e820_tell(struct emt_console *c, uint64_t first, uint64_t last, unsigned int type,
		     unsigned long line)
{
	uint64_t from, to;

	if (type == 1) {
		from = (first >> 12) + ((first & 0xfff) != 0);
		to = (last >> 12) + ((last & 0xfff) == 0xfff);
		if (to <= from)
			return 0;
		to--;
	} else {
		from = first >> 12;
		to = last >> 12;
	}
	return con_fact(c, EMT_FACT_HOST_E820, HOST, from, to, type, line);
}

static int e820(struct emt_console *c, const struct con_line *l)
{
	struct con_boot *b = &c->boot;
	size_t n = strlen(l->s);
	uint64_t first, last;
	unsigned int type;
	int rc;

	while (n && l->s[n - 1] == ' ')
		n--;
	if (n > 9 && !memcmp(l->s + n - 9, " RAM map:", 9)) {
		b->e820 = true;
		b->e820_initial = !strncmp(l->s, "Initial ", 8);
		b->line = l->no;
		rc = b->e820_initial ? 0 : con_list_begin(c, EMT_FACT_HOST_E820, HOST, l->no);
		return rc < 0 ? rc : 1;
	}
	if (!b->e820)
		return 0;
	if (!l->cut && !l->open && e820_range(l->s, &first, &last, &type)) {
		rc = b->e820_initial ? 0 : e820_tell(c, first, last, type, l->no);
		return rc < 0 ? rc : 1;
	}
	b->e820 = false;
	if (b->e820_initial)
		return 0;
	if (l->cut || l->open || l->s[0] == ' ') { /* a range of the map begins with a blank */
		rc = con_note(c, EMT_NOTE_WARNING, l->no, "the memory map is cut short or not readable here");
		return rc < 0 ? rc : 1;
	}
	return con_list_whole(c, EMT_FACT_HOST_E820, HOST, b->line);
}

/* Lines that each tell one thing. */
static int single(struct emt_console *c, const struct con_line *l)
{
	static const struct {
		const char *text;
		enum emt_fact_id id;
		int value;
	} facts[] = {
		{ "I/O virtualisation enabled", EMT_FACT_IOMMU_ENABLED, 1 },
		{ "I/O virtualisation disabled", EMT_FACT_IOMMU_ENABLED, 0 },
		{ "Intel VT-d Shared EPT tables enabled.", EMT_FACT_IOMMU_SHARED, 1 },
		{ "Intel VT-d Shared EPT tables not enabled.", EMT_FACT_IOMMU_SHARED, 0 },
		{ "Intel VT-d Snoop Control enabled.", EMT_FACT_IOMMU_SNOOP, 1 },
		{ "Intel VT-d Snoop Control not enabled.", EMT_FACT_IOMMU_SNOOP, 0 },
		{ "AMD-Vi: Disabled HAP memory map sharing with IOMMU", EMT_FACT_IOMMU_SHARED, 0 },
	};
	const char *s = l->s;
	int rc;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(facts); i++)
		if (con_lit(&s, facts[i].text)) {
			rc = con_fact(c, facts[i].id, HOST, (uint64_t)facts[i].value, 0, 0, l->no);
			return rc < 0 ? rc : 1;
		}
	if (con_lit(&s, "VMX: Supported advanced features:") || con_lit(&s, "HVM: VMX enabled")) {
		c->vendor = CON_VENDOR_VMX;
		return 1;
	}
	if (con_lit(&s, "SVM: Supported advanced features:") || con_lit(&s, "HVM: SVM enabled")) {
		c->vendor = CON_VENDOR_SVM;
		return 1;
	}
	if (con_lit(&s, "HVM: Hardware Assisted Paging (HAP) detected")) {
		if (c->vendor == CON_VENDOR_UNKNOWN || !con_blank_to_end(s))
			return 1; /* "detected but disabled": domains use shadow paging */
		rc = con_fact(c, EMT_FACT_PAGING, HOST,
			      c->vendor == CON_VENDOR_VMX ? EMT_PAGING_EPT : EMT_PAGING_NPT, 0, 0, l->no);
		return rc < 0 ? rc : 1;
	}
	if (con_lit(&s, "Command line:")) {
		con_blanks(&s);
		rc = con_about(c, EMT_ABOUT_CMDLINE, HOST, 0, s, l->no);
		return rc < 0 ? rc : 1;
	}
	return 0;
}

int con_boot_line(struct emt_console *c, const struct con_line *l)
{
	const char *s = l->s;
	int rc;

	rc = e820(c, l);
	if (rc)
		return rc;
	rc = con_boot_mtrr_line(c, l);
	if (rc)
		return rc;
	con_blanks(&s);
	if (con_lit(&s, "Xen version "))
		return banner(c, s, l->no);
	if (con_lit(&s, "----[ Xen-"))
		return dump_head(c, s, l->no);
	return single(c, l);
}
