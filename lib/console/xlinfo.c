/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "xl info" prints: release, command line, and whether the IOMMU is in use.
 */
#include "console/internal.h"

#include <stdio.h>
#include <string.h>

#define HOST CON_NO_DOMAIN

/* Value of "name     : value", or NULL. */
static const char *value_of(const char *s, const char *name)
{
	if (!con_lit(&s, name))
		return NULL;
	con_blanks(&s);
	if (!con_lit(&s, ":"))
		return NULL;
	con_blanks(&s);
	return *s ? s : NULL;
}

static bool has_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	while (*s) {
		size_t len = strcspn(s, " \t");

		if (len == n && !memcmp(s, word, n))
			return true;
		s += len;
		con_blanks(&s);
	}
	return false;
}

/* Passing devices through is offered exactly where the IOMMU is in use; whether
 * tables are shared is said since 4.13. */
static int virt_caps(struct emt_console *c, const char *v, unsigned long line)
{
	bool directio = has_word(v, "hvm_directio") || has_word(v, "pv_directio");
	int rc;

	if (!has_word(v, "hvm") && !directio)
		return 0;
	rc = con_fact(c, EMT_FACT_IOMMU_ENABLED, HOST, directio, 0, 0, line);
	if (!rc && has_word(v, "iommu_hap_pt_share"))
		rc = con_fact(c, EMT_FACT_IOMMU_SHARED, HOST, 1, 0, 0, line);
	return rc;
}

int con_xlinfo_line(struct emt_console *c, const struct con_line *l)
{
	char text[160];
	const char *v;
	int rc;

	if (l->xen || l->cut || l->open)
		return 0;
	v = value_of(l->s, "xen_version");
	if (v) {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(v, " \t"), v);
		rc = con_fact_text(c, EMT_FACT_RELEASE, HOST, text, l->no);
		return rc < 0 ? rc : 1;
	}
	v = value_of(l->s, "virt_caps");
	if (v) {
		rc = virt_caps(c, v, l->no);
		return rc < 0 ? rc : 1;
	}
	v = value_of(l->s, "xen_commandline");
	if (v) {
		rc = con_about(c, EMT_ABOUT_CMDLINE, HOST, 0, v, l->no);
		return rc < 0 ? rc : 1;
	}
	return 0;
}
