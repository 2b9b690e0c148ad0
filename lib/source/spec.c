/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How people name a source.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source/source.h"

static const char *const schemes[] = {
	[EMT_SOURCE_CAPTURE] = "capture",
	[EMT_SOURCE_MEM] = "mem",
	[EMT_SOURCE_XEN] = "xen",
	[EMT_SOURCE_KVM] = "kvm",
	[EMT_SOURCE_P2M] = "p2m",
};

static const char next_forms[] =
	"write FILE or capture:FILE[,domid=N][,generation=N], mem:FILE[,domid=N|root=ADDR][,table=KIND], "
	"xen:DOMAIN[,costs=yes], kvm:PID, p2m:self";

enum { OPT_DOMID, OPT_GENERATION, OPT_ROOT, OPT_LEVELS, OPT_TABLE, OPT_SYMS, OPT_COSTS, OPT_NR };
static const char *const options[OPT_NR] = {
	"domid", "generation", "root", "levels", "table", "syms", "costs",
};

/* Options that each kind takes, by bit. */
static const unsigned int takes[] = {
	[EMT_SOURCE_CAPTURE] = 1 << OPT_DOMID | 1 << OPT_GENERATION,
	[EMT_SOURCE_MEM] = 1 << OPT_DOMID | 1 << OPT_ROOT | 1 << OPT_LEVELS | 1 << OPT_TABLE | 1 << OPT_SYMS,
	[EMT_SOURCE_XEN] = 1 << OPT_COSTS,
	[EMT_SOURCE_KVM] = 0,
	[EMT_SOURCE_P2M] = 0,
};

const char *emt_source_scheme(enum emt_source_kind kind)
{
	return schemes[kind];
}

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static bool digits(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static int set_text(struct emt_source_spec *spec, int opt, const char *value, const char *text,
		    struct emt_err *err)
{
	static const char *const tables[] = { "p2m", "pv", "iommu", "ept", "npt", "vtd", "amdvi" };
	char *to = opt == OPT_TABLE ? spec->table : spec->syms;
	size_t room = opt == OPT_TABLE ? sizeof(spec->table) : sizeof(spec->syms), i = 0;

	while (opt == OPT_TABLE && i < EMT_ARRAY_SIZE(tables) && strcmp(value, tables[i]))
		i++;
	if (opt == OPT_TABLE && i == EMT_ARRAY_SIZE(tables))
		return emt_err_set(err, EMT_E_USAGE, text, "write p2m, pv, iommu, ept, npt, vtd or amdvi",
				   "table=%.40s is no kind of table", value);
	if (*to)
		return emt_err_set(err, EMT_E_USAGE, text, "give it once", "%s= stands there twice",
				   options[opt]);
	if (!*value || snprintf(to, room, "%s", value) >= (int)room)
		return emt_err_set(err, EMT_E_USAGE, text, "name a file", "%s= is empty or too long",
				   options[opt]);
	return 0;
}

static int set_option(struct emt_source_spec *spec, int opt, const char *value, const char *text,
		      struct emt_err *err)
{
	uint64_t n, max = opt == OPT_ROOT ? UINT64_MAX - 1 : opt == OPT_LEVELS ? 6 : UINT32_MAX;

	if (opt == OPT_COSTS) {
		if (strcmp(value, "yes"))
			return emt_err_set(err, EMT_E_USAGE, text, "write costs=yes, or leave it out",
					   "costs=%.40s is no consent", value);
		spec->costs = true;
		return 0;
	}
	if (opt == OPT_TABLE || opt == OPT_SYMS)
		return set_text(spec, opt, value, text, err);
	if (emt_parse_u64(value, &n) || n > max)
		return emt_err_set(err, EMT_E_USAGE, text, "write a decimal number, or hex with 0x",
				   "%s=%.40s is no number in range", options[opt], value);
	if (opt == OPT_DOMID && spec->domid < 0)
		spec->domid = (int64_t)n;
	else if (opt == OPT_GENERATION && spec->generation < 0)
		spec->generation = (int64_t)n;
	else if (opt == OPT_ROOT && spec->root == EMT_NO_FRAME)
		spec->root = n;
	else if (opt == OPT_LEVELS && !spec->levels)
		spec->levels = (unsigned int)n;
	else
		return emt_err_set(err, EMT_E_USAGE, text, "give it once", "%s= stands there twice",
				   options[opt]);
	return 0;
}

/* Take ",key=value" off the end of the target as long as there is one. A file may
 * hold commas: one that exists under the whole name is meant. */
static int take_options(struct emt_source_spec *spec, const char *text, struct emt_err *err)
{
	unsigned int seen = 0;
	char *comma;

	while ((comma = strrchr(spec->target, ',')) && strchr(comma, '=') && !exists(spec->target)) {
		char *value = strchr(comma, '=');
		int opt, rc;

		if (strchr(comma, '/') && strncmp(comma, ",syms=", 6))
			break;
		for (opt = 0; opt < OPT_NR; opt++)
			if (strlen(options[opt]) == (size_t)(value - comma - 1) &&
			    !strncmp(options[opt], comma + 1, (size_t)(value - comma - 1)))
				break;
		if (opt == OPT_NR)
			return emt_err_set(err, EMT_E_USAGE, text, next_forms, "unknown option \"%.*s\"",
					   (int)(value - comma - 1), comma + 1);
		seen |= 1u << opt;
		rc = set_option(spec, opt, value + 1, text, err);
		if (rc)
			return rc;
		*comma = '\0';
	}
	/* which kind it is may only show now: "guest,domid=1" is a file if "guest" is */
	for (int opt = 0; opt < OPT_NR; opt++)
		if ((seen & 1u << opt) && !(takes[spec->kind] & 1u << opt))
			return emt_err_set(err, EMT_E_USAGE, text, next_forms, "a %s source takes no %s=",
					   schemes[spec->kind], options[opt]);
	return 0;
}

/* Kind by what the text looks like; -1 = a scheme that is none. */
static int guess(const char *text)
{
	char head[512], *comma;
	size_t len = strlen(text);

	snprintf(head, sizeof(head), "%s", text);
	comma = strchr(head, ',');
	if (comma)
		*comma = '\0';
	if (digits(text))
		return EMT_SOURCE_XEN;
	if (exists(text) || exists(head) || strchr(text, '/'))
		return EMT_SOURCE_CAPTURE;
	if ((len > 4 && !strcmp(text + len - 4, ".emt")) ||
	    (strlen(head) > 4 && !strcmp(head + strlen(head) - 4, ".emt")))
		return EMT_SOURCE_CAPTURE;
	/* a time may stand behind a domain: web1@2026-01-03T10:11:12Z */
	return strchr(text, ':') && !memchr(text, '@', strcspn(text, ":")) ? -1 : EMT_SOURCE_XEN;
}

int emt_source_parse(struct emt_source_spec *spec, const char *text, struct emt_err *err)
{
	const char *colon = strchr(text, ':'), *target = text;
	int kind = -1;

	*spec = (struct emt_source_spec){ .domid = -1, .generation = -1, .root = EMT_NO_FRAME };
	for (size_t i = 0; colon && i < EMT_ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i]) == (size_t)(colon - text) &&
		    !strncmp(schemes[i], text, (size_t)(colon - text))) {
			kind = (int)i;
			target = colon + 1;
		}
	if (kind < 0)
		kind = guess(text);
	if (kind < 0)
		return emt_err_set(err, EMT_E_USAGE, text, next_forms, "\"%.*s\" is no kind of source",
				   (int)(colon - text), text);
	spec->kind = (enum emt_source_kind)kind;
	if (strlen(target) >= sizeof(spec->target))
		return emt_err_set(err, EMT_E_USAGE, text, NULL, "is longer than %zu bytes",
				   sizeof(spec->target) - 1);
	strcpy(spec->target, target);
	if (take_options(spec, text, err))
		return EMT_E_USAGE;
	if (!spec->target[0])
		return emt_err_set(err, EMT_E_USAGE, text, next_forms, "names no source");
	if (spec->kind == EMT_SOURCE_P2M && strcmp(spec->target, "self"))
		return emt_err_set(err, EMT_E_USAGE, text, "write p2m:self; xen:DOMAIN is any domain",
				   "only the domain that this runs in can be asked through its own kernel");
	if (spec->kind == EMT_SOURCE_MEM && spec->domid >= 0 && spec->root != EMT_NO_FRAME)
		return emt_err_set(err, EMT_E_USAGE, text, "give one of them",
				   "domid= and root= exclude each other");
	return 0;
}
