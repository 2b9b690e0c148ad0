/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PV domain that this runs in, as its own kernel sees its p2m: through BPF, without
 * asking Xen for a page. Only so does a page that stands for "identity" differ from one
 * that stands for "missing". Linux since 3.19 (a linear list, xen_p2m_addr) of a kernel
 * whose symbols are listed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/kallsyms.h"
#include "source/kernel.h"
#include "source/pv.h"
#include "xen/xen.h"

#define DOMID_SELF 0x7ff0u
#define M2P_ENTRIES 512 /* a page of the M2P */
#define CACHED 8

struct pv_self {
	struct emt_kernel *kernel;
	uint64_t direct_map;   /* where pfn 0 is mapped */
	uint64_t m2p;          /* where the M2P is */
	uint64_t shared_info;  /* where shared info is */
	struct { uint64_t at; bool ok; uint64_t v[M2P_ENTRIES]; } cache[CACHED]; /* of the M2P; 'at' 0 = empty */
	uint64_t page[512];
};

static int word(const struct pv_self *p, const char *symbol, uint64_t *v)
{
	uint64_t at = emt_kallsyms_address(symbol);

	return at ? emt_kernel_read(p->kernel, at, v, sizeof(*v)) : EMT_E_MISSING;
}

static int self_m2p(void *priv, uint64_t mfn, uint64_t *pfn)
{
	struct pv_self *p = priv;
	uint64_t at = p->m2p + mfn / M2P_ENTRIES * 4096;
	unsigned int i = (unsigned int)(mfn / M2P_ENTRIES % CACHED);

	/* Xen's table for 64-bit domains ends where its own memory begins */
	if (mfn >= 1ull << 40)
		return EMT_E_MISSING;
	if (p->cache[i].at != at) {
		p->cache[i].at = at;
		p->cache[i].ok = !emt_kernel_read(p->kernel, at, p->cache[i].v, sizeof(p->cache[i].v));
	}
	*pfn = p->cache[i].v[mfn % M2P_ENTRIES];
	/* marks of pages that have no place, and what debug builds fill in */
	return !p->cache[i].ok || *pfn >= 0xfffffffffffffff0ull || *pfn == 0x5555555555555555ull ? EMT_E_MISSING : 0;
}

/* EMT_NO_FRAME: shared info, which has no pfn. */
static const void *self_frame(void *priv, uint32_t domid, uint64_t mfn)
{
	struct pv_self *p = priv;
	uint64_t pfn = 0, at;

	(void)domid;
	if (mfn != EMT_NO_FRAME && self_m2p(p, mfn, &pfn))
		return NULL;
	at = mfn == EMT_NO_FRAME ? p->shared_info : p->direct_map + (pfn << 12);
	return emt_kernel_read(p->kernel, at, p->page, sizeof(p->page)) ? NULL : p->page;
}

static void self_close(void *priv)
{
	struct pv_self *p = priv;

	emt_kernel_close(p->kernel);
	free(p);
}

static const struct emt_pv_ops ops = { .close = self_close, .frame = self_frame, .m2p = self_m2p };

/* Machine frame of a page of the kernel's direct map: what the list says of its pfn. */
static uint64_t frame_at(const struct pv_self *p, uint64_t list, const char *symbol)
{
	uint64_t at, raw;

	if (word(p, symbol, &at) || at < p->direct_map || (at - p->direct_map) >> 12 >= 1ull << 40 ||
	    emt_kernel_read(p->kernel, list + ((at - p->direct_map) >> 12) * 8, &raw, sizeof(raw)))
		return 0;
	return emt_pv_decode(raw, 64).kind == EMT_PV_FRAME ? raw : 0;
}

static int no_pv(const struct emt_pv_source *s, struct emt_err *err)
{
	bool hidden = !emt_kallsyms_address("_text") && !emt_kallsyms_address("_stext");

	if (hidden)
		return emt_err_set(err, EMT_E_PERM, s->name, "run as root, or with CAP_SYSLOG",
				   "/proc/kallsyms hides the kernel's addresses");
	return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "xen:0,costs=yes reads the list that Xen sees",
			   "this kernel lists no xen_p2m_addr: it is no PV domain's, older than 3.19, or built "
			   "without CONFIG_KALLSYMS_ALL");
}

static int look(struct emt_pv_source *s, struct pv_self *p, struct emt_pv_domain *d, struct emt_err *err)
{
	uint64_t list = 0, size = 0;
	int rc = word(p, "xen_p2m_addr", &list);

	if (rc || word(p, "xen_p2m_size", &size))
		return no_pv(s, err);
	if (!list || !size || word(p, "HYPERVISOR_shared_info", &p->shared_info) || word(p, "machine_to_phys_mapping", &p->m2p))
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "emtctl domains lists those of this host",
				   "the kernel that runs this has no p2m: it is no PV domain's");
	p->direct_map = emt_kernel_direct_map(p->kernel);
	d->shared_mfn = EMT_NO_FRAME;
	if (!p->direct_map || !self_frame(p, 0, EMT_NO_FRAME))
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, NULL,
				   "nothing tells where the kernel maps its memory, or shared info cannot be read");
	emt_pv_shared_of(p->page, &d->shared);
	if (d->shared.vaddr != list)
		return emt_err_set(err, EMT_E_FORMAT, s->name, NULL,
				   "the kernel's list (0x%llx) is not the one that it told Xen (0x%llx)",
				   (unsigned long long)list, (unsigned long long)d->shared.vaddr);
	/* Xen is told of a part of the list: behind it all is as at boot */
	d->end = emt_pv_own_end();
	d->end = d->end ? d->end : d->shared.max_pfn;
	d->shared.max_pfn = size;
	d->list = emt_pv_list_of(&d->shared);
	d->missing = frame_at(p, list, "p2m_missing");
	d->identity = frame_at(p, list, "p2m_identity");
	return 0;
}

static bool is_dom0(void)
{
	char text[64] = "";
	FILE *f = fopen("/proc/xen/capabilities", "re");
	bool dom0 = f && fgets(text, sizeof(text), f) && strstr(text, "control_d");

	if (f)
		fclose(f);
	return dom0;
}

/* dom0 was given the host's map, which costs nothing to ask for. */
static int map_of(struct emt_pv_source *s, struct emt_pv_domain *d, struct emt_err *err)
{
	struct emt_xen *x;
	int rc;

	if (d->domid)
		return emt_pv_map_of_guest(d, d->end);
	rc = emt_xen_open(&x, NULL, false, s->name, err);
	if (rc)
		return rc;
	rc = emt_pv_map_of_host(x, d, err);
	emt_xen_close(x);
	return rc;
}

int emt_pv_host_facts(struct emt_facts *f, struct emt_err *err)
{
	struct emt_xen *x;
	int rc = emt_xen_open(&x, NULL, false, "p2m:self", err);

	if (rc)
		return rc;
	snprintf(f->release, sizeof(f->release), "%s", emt_xen_release(x));
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "XENVER_version");
	emt_xen_close(x);
	return 0;
}

int emt_pv_open_self(struct emt_pv_source *s, struct emt_err *err)
{
	struct pv_self *p = calloc(1, sizeof(*p));
	struct emt_pv_domain *d = emt_pv_add(s);
	struct utsname u;
	int rc;

	if (!p || !d) {
		free(p);
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a domain");
	}
	rc = emt_kernel_open(&p->kernel, s->name, err);
	if (rc) {
		free(p);
		return rc;
	}
	s->priv = p;
	s->ops = &ops;
	d->domid = is_dom0() ? 0 : DOMID_SELF;
	d->host_devices = true;
	if (!uname(&u))
		snprintf(d->kernel, sizeof(d->kernel), "%.100s", u.release);
	rc = look(s, p, d, err);
	return rc ? rc : map_of(s, d, err);
}
