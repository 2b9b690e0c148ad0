/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key v: each vCPU's VMCS or VMCB. Of it: CR0 as the guest sees it, its PAT and the
 * EPT pointer. A guest's CR0.CD with an IOMMU makes Xen load a PAT of all UC; then
 * the guest's own is not shown.
 */
#include "console/internal.h"

#include <inttypes.h>
#include <string.h>

#define CR0_CD (1ULL << 30)

void con_key_v_close(struct emt_console *c)
{
	c->v.open = c->v.domain = false;
}

static bool field(const char *s, const char *name, uint64_t *v)
{
	const char *at = strstr(s, name);

	if (!at)
		return false;
	at += strlen(name);
	/* Eight or sixteen digits: others are cut. */
	if (!con_hex0x(&at, v))
		return false;
	return *at != 'x';
}

static int pat(struct emt_console *c, uint64_t value, unsigned long line)
{
	struct con_key_v *v = &c->v;

	if (!value && v->cr0_known && (v->cr0 & CR0_CD))
		return con_note(c, EMT_NOTE_INFO, line, "vCPU %u of domain %u runs with caches off (CR0.CD): "
				"the PAT shown is Xen's, not the guest's; not used", v->vcpu, v->domid);
	return con_fact(c, EMT_FACT_VCPU_PAT, v->domid, value, 0, v->vcpu, line);
}

static int body(struct emt_console *c, const struct con_line *l)
{
	struct con_key_v *v = &c->v;
	const char *s = l->s;
	uint64_t actual, shadow, mask, value;

	con_blanks(&s);
	if (con_lit(&s, "*** Guest State ***")) {
		v->guest = true;
		return 1;
	}
	if (con_lit(&s, "*** Host State ***") || con_lit(&s, "*** Control State ***")) {
		v->guest = false;
		return 1;
	}
	if (con_lit(&s, "Size of VMCB =")) {
		v->svm = v->guest = true;
		c->vendor = CON_VENDOR_SVM;
		return 1;
	}
	if (field(s, "EPT pointer = ", &value)) {
		c->vendor = CON_VENDOR_VMX;
		if (v->eptp_told)
			return 1;
		v->eptp_told = true;
		return con_about(c, EMT_ABOUT_EPTP, v->domid, value, NULL, l->no);
	}
	if (!v->guest || l->cut || l->open)
		return 0;
	if (!v->svm && field(s, "CR0: actual=", &actual) && field(s, "shadow=", &shadow) &&
	    field(s, "gh_mask=", &mask)) {
		v->cr0 = (actual & ~mask) | (shadow & mask);
		v->cr0_known = true;
		return con_fact(c, EMT_FACT_VCPU_CR0, v->domid, v->cr0, 0, v->vcpu, l->no);
	}
	if (field(s, "PAT = ", &value) && !strstr(s, "Host PAT"))
		return pat(c, value, l->no);
	return 0;
}

int con_key_v_line(struct emt_console *c, const struct con_line *l)
{
	struct con_key_v *v = &c->v;
	const char *s = l->s;
	uint32_t n;
	int rc;

	con_blanks(&s);
	if (con_lit(&s, "*********** VMCS Areas") || con_lit(&s, "*********** VMCB Areas")) {
		rc = con_enter(c, CON_KEY_V);
		*v = (struct con_key_v){ .open = true };
		return rc < 0 ? rc : 1;
	}
	if (con_lit(&s, ">>> Domain ") && con_u32(&s, &n) && con_lit(&s, " <<<")) {
		rc = con_enter(c, CON_KEY_V);
		*v = (struct con_key_v){ .open = true, .domain = true, .domid = n };
		return rc < 0 ? rc : 1;
	}
	if (!v->open)
		return 0;
	if (con_lit(&s, "*****************")) {
		rc = con_enter(c, CON_NONE);
		return rc < 0 ? rc : 1;
	}
	if (con_lit(&s, "VCPU ") && con_u32(&s, &n)) {
		v->vcpu = n;
		v->vcpu_known = v->domain;
		v->guest = v->cr0_known = false;
		return 1;
	}
	if (!v->vcpu_known)
		return 0;
	rc = body(c, l);
	return rc < 0 ? rc : rc || 0;
}
