/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/release.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules.h"

/* From this version on (until the next line of the same series) an era holds.
 * Backports make series overlap in time, so each series stands for itself. */
static const struct {
	uint32_t from;
	const char *era;
} xen_map[] = {
	{ EMT_VER(4, 1, 0), "P1" },
	{ EMT_VER(4, 2, 0), "P1" }, { EMT_VER(4, 2, 4), "P2" }, { EMT_VER(4, 2, 5), "P3" },
	{ EMT_VER(4, 3, 0), "P1" }, { EMT_VER(4, 3, 2), "P2" }, { EMT_VER(4, 3, 3), "P3" },
	{ EMT_VER(4, 4, 0), "P2" }, { EMT_VER(4, 4, 1), "P3" },
	{ EMT_VER(4, 5, 0), "P4" }, { EMT_VER(4, 5, 3), "P5" },
	{ EMT_VER(4, 6, 0), "P4" }, { EMT_VER(4, 6, 2), "P5" }, { EMT_VER(4, 6, 5), "P6" },
	{ EMT_VER(4, 7, 0), "P7" }, { EMT_VER(4, 7, 2), "P8" },
	{ EMT_VER(4, 8, 0), "P7" }, { EMT_VER(4, 8, 1), "P8" },
	{ EMT_VER(4, 9, 0), "P8" }, { EMT_VER(4, 10, 0), "P8" }, { EMT_VER(4, 11, 0), "P8" },
	{ EMT_VER(4, 12, 0), "P8" }, { EMT_VER(4, 12, 4), "P9" },
	{ EMT_VER(4, 13, 0), "P8" }, { EMT_VER(4, 13, 2), "P9" },
	{ EMT_VER(4, 14, 0), "P8" }, { EMT_VER(4, 14, 1), "P9" },
	{ EMT_VER(4, 15, 0), "P10" }, { EMT_VER(4, 16, 0), "P11" },
	{ EMT_VER(4, 17, 0), "P12" }, { EMT_VER(4, 17, 5), "P13" },
	{ EMT_VER(4, 18, 0), "P12" }, { EMT_VER(4, 18, 3), "P13" },
	{ EMT_VER(4, 19, 0), "P13" }, { EMT_VER(4, 20, 0), "P13" }, { EMT_VER(4, 21, 0), "P14" },
};

static const struct {
	uint32_t from;
	const char *era;
} kvm_map[] = {
	{ EMT_VER(3, 0, 0), "K1" }, { EMT_VER(4, 2, 0), "K2" }, { EMT_VER(6, 7, 0), "K3" },
	{ EMT_VER(6, 11, 0), "K5" }, { EMT_VER(6, 16, 0), "K6" },
};

/* The newest release whose rules were read. */
#define XEN_NEWEST EMT_VER(4, 22, 255)
#define XEN_OLDEST EMT_VER(4, 1, 0)

static const char *const xen_list[] = {
	"4.1.0", "4.2.0", "4.2.4", "4.2.5", "4.3.0", "4.3.2", "4.3.3", "4.4.0", "4.4.1", "staging-4.4", "4.5.0", "4.5.3",
	"4.6.0", "4.6.3", "4.6.5", "4.7.0", "4.7.2", "4.8.0", "4.8.1", "4.9.0", "4.10.0", "4.11.0", "4.12.0",
	"4.12.4", "4.13.0", "4.13.2", "4.14.0", "4.14.1", "4.15.0", "4.16.0", "4.17.0", "4.17.5", "4.18.0",
	"4.18.3", "4.19.0", "4.20.0", "4.21.0", "4.22.0", "master",
};
static const char *const kvm_list[] = {
	"kvm 3.16", "kvm 4.2", "kvm 5.10", "kvm 6.1", "kvm 6.6", "kvm 6.7", "kvm 6.11-rc", "kvm 6.11", "kvm 6.12",
	"kvm-memslot", "kvm 6.16", "kvm 6.18",
};

const struct emt_era *emt_era_at(enum emt_hypervisor hv, size_t i)
{
	if (hv == EMT_HV_KVM)
		return i < emt_nr_eras_kvm ? &emt_eras_kvm[i] : NULL;
	return i < emt_nr_eras_xen ? &emt_eras_xen[i] : NULL;
}

const struct emt_era *emt_era_by_id(const char *id)
{
	const struct emt_era *era;

	for (int hv = EMT_HV_XEN; hv <= EMT_HV_KVM; hv++)
		for (size_t i = 0; (era = emt_era_at((enum emt_hypervisor)hv, i)); i++)
			if (!strcmp(era->id, id))
				return era;
	return NULL;
}

const char *emt_release_list(size_t i, enum emt_hypervisor hv)
{
	if (hv == EMT_HV_KVM)
		return i < EMT_ARRAY_SIZE(kvm_list) ? kvm_list[i] : NULL;
	return i < EMT_ARRAY_SIZE(xen_list) ? xen_list[i] : NULL;
}

/* "4.17.7" at *p: major.minor[.sub]; advances *p. Returns false if there is none. */
static bool scan_version(const char **p, unsigned int *v)
{
	const char *s = *p;
	int n = 0;

	v[0] = v[1] = v[2] = 0;
	while (n < 3 && isdigit((unsigned char)*s)) {
		unsigned long x = 0;

		while (isdigit((unsigned char)*s) && x < 100000)
			x = x * 10 + (unsigned long)(*s++ - '0');
		if (x > 255)
			x = 255; /* stable kernels such as 4.14.336: the era does not depend on it */
		v[n++] = (unsigned int)x;
		if (*s != '.' || !isdigit((unsigned char)s[1]))
			break;
		s++;
	}
	*p = s;
	return n >= 2;
}

static void set_xen(struct emt_release *r)
{
	r->special_xenheap_only = r->version < EMT_VER(4, 14, 0);
	r->pins_overlap = r->version < EMT_VER(4, 5, 0);
}

static void by_era(struct emt_release *r, const struct emt_era *era)
{
	r->era = era;
	r->exact = true;
	/* a version inside the era, for rules that ask for one */
	for (size_t i = 0; i < EMT_ARRAY_SIZE(xen_map); i++)
		if (!strcmp(xen_map[i].era, era->id))
			r->version = xen_map[i].from;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(kvm_map); i++)
		if (!strcmp(kvm_map[i].era, era->id))
			r->version = kvm_map[i].from;
	if (!strcmp(era->id, "P3x"))
		r->version = EMT_VER(4, 4, 4);
	if (era->hv == EMT_HV_XEN)
		set_xen(r);
}

static const char *const next_step = "give a release such as 4.17.7 or 'kvm 6.12' ('emtctl policy list' shows them)";

static int parse(struct emt_release *r, const char *text, bool kvm, struct emt_err *err)
{
	const char *p = text, *end;
	const struct emt_era *era;
	unsigned int v[3];
	bool rc;

	memset(r, 0, sizeof(*r));
	while (isspace((unsigned char)*p))
		p++;
	snprintf(r->text, sizeof(r->text), "%.*s", (int)strcspn(p, " \t\r\n("), p);
	era = emt_era_by_id(p);
	if (era) {
		by_era(r, era);
		return 0;
	}
	if (!strncmp(p, "kvm-memslot", 11)) {
		by_era(r, emt_era_by_id("K5m"));
		r->version = EMT_VER(6, 12, 0);
		return 0;
	}
	if (!strncmp(p, "kvm", 3) || !strncasecmp(p, "linux", 5)) {
		kvm = true;
		p += strcspn(p, "0123456789");
	} else if (!strncmp(p, "staging-4.3", 11) || !strncmp(p, "staging-4.4", 11)) {
		by_era(r, emt_era_by_id("P3x"));
		return 0;
	} else if (!strncmp(p, "master", 6) || !strcmp(p, "unstable") || !strcmp(p, "staging")) {
		by_era(r, emt_era_by_id("P14"));
		r->version = EMT_VER(4, 23, 0);
		return 0;
	} else {
		static const char *const heads[] = { "Xen version ", "xen ", "Xen ", "xen-", "Xen-", "RELEASE-", "staging-", "v" };

		for (size_t i = 0; i < EMT_ARRAY_SIZE(heads); i++)
			if (!strncmp(p, heads[i], strlen(heads[i]))) {
				p += strlen(heads[i]);
				break;
			}
	}
	end = p;
	if (!scan_version(&end, v))
		return emt_err_set(err, EMT_E_USAGE, text, next_step, "no release number in '%.60s'", text);
	r->version = EMT_VER(v[0], v[1], v[2]);
	rc = !strncmp(end, "-rc", 3) || strstr(end, "unstable") || strstr(end, "-rc");
	snprintf(r->text, sizeof(r->text), "%s%u.%u.%u%s", kvm ? "kvm " : "", v[0], v[1], v[2], rc ? "-rc" : "");
	r->exact = !rc;
	if (kvm) {
		for (size_t i = 0; i < EMT_ARRAY_SIZE(kvm_map); i++)
			if (r->version >= kvm_map[i].from)
				r->era = emt_era_by_id(kvm_map[i].era);
		if (rc && v[0] == 6 && v[1] == 11)
			r->era = emt_era_by_id("K4");
		if (!r->era)
			return emt_err_set(err, EMT_E_USAGE, text, next_step, "no rules for Linux before 3.0");
		return 0;
	}
	if (r->version < XEN_OLDEST || v[0] > 99)
		return emt_err_set(err, EMT_E_USAGE, text, next_step, "no rules for Xen before 4.1");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(xen_map); i++)
		if (r->version >= xen_map[i].from)
			r->era = emt_era_by_id(xen_map[i].era);
	if (r->version > XEN_NEWEST)
		r->exact = false;
	set_xen(r);
	return 0;
}

int emt_release_parse(struct emt_release *r, const char *text, bool kvm, struct emt_err *err)
{
	int rc = parse(r, text, kvm, err);

	if (!rc)
		snprintf(r->full, sizeof(r->full), "%s%s", r->era->hv == EMT_HV_XEN ? "Xen " :
			 strncmp(r->text, "kvm", 3) ? "kvm " : "", r->text);
	return rc;
}

bool emt_kvm_keeps_types(const struct emt_release *r)
{
	return r->era->hv == EMT_HV_KVM && r->version < EMT_VER(6, 7, 0);
}
