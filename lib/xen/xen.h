/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A live Xen, asked through the table of calls.h: what reads, and, where a person agreed,
 * emt's own livepatch (livepatch.h). Errors:
 * EMT_E_UNSUPPORTED no Xen here, or not this call of this release; EMT_E_PERM;
 * EMT_E_GONE the domain vanished; EMT_E_USAGE a call that costs, without consent.
 */
#ifndef EMT_XEN_XEN_H
#define EMT_XEN_XEN_H

#include "policy/facts.h"
#include "xen/calls.h"

struct emt_xen;
struct emt_xen_backend;

/* Open the hypervisor of this machine. 'backend' NULL = the real one. 'consent': calls
 * that cost may be issued. 'subject' of errors is kept as given (borrowed). */
int emt_xen_open(struct emt_xen **out, const struct emt_xen_backend *backend, bool consent,
		 const char *subject, struct emt_err *err);
void emt_xen_close(struct emt_xen *x);

/* What stands here instead of the machine's hypervisor, for all that opens one without
 * naming a backend; NULL = nothing. Set by tests. */
void emt_xen_override(const struct emt_xen_backend *backend);

/* "4.17.7", "4.17.7-pre" */
const char *emt_xen_release(const struct emt_xen *x);
bool emt_xen_consent(const struct emt_xen *x);
/* A person agreed: calls that change the hypervisor may be issued from now on. */
void emt_xen_allow_changes(struct emt_xen *x);
/* What its release fixes; NULL when emt does not know the release. */
const struct emt_xen_iface *emt_xen_known(const struct emt_xen *x);
/* How often a call was issued. */
uint64_t emt_xen_issued(const struct emt_xen *x, enum emt_xen_call id);

/* ---- the one way to the hypervisor ---- */

/* Zeroed memory for arguments and results. */
void *emt_xen_buffer(struct emt_xen *x, size_t bytes);
void emt_xen_buffer_free(struct emt_xen *x, void *p);
/* Issue call 'id' of the table; 'arg' is a buffer of at least EMT_XEN_ARG bytes (its
 * head is written here) or NULL. 'about' is the subject of errors, NULL = the handle's.
 * '*result' (may be NULL) is what Xen returned, never negative. */
#define EMT_XEN_ARG 192
int emt_xen_issue(struct emt_xen *x, enum emt_xen_call id, void *arg, const char *about, long *result,
		  struct emt_err *err);
/* Can it be issued here? Says why not. */
int emt_xen_may(const struct emt_xen *x, enum emt_xen_call id, struct emt_err *err);

/* ---- host ---- */

struct emt_xen_host {
	uint32_t nr_cpus;       /* online */
	uint64_t max_mfn;       /* 0 = not told */
	bool vmx, svm;          /* of the processor; both false = not told */
	bool iommu_told, iommu; /* told from 4.12 on: the IOMMU is in use */
	bool share_told, share; /* from 4.13 on: IOMMU and EPT may share tables */
};
int emt_xen_host(struct emt_xen *x, struct emt_xen_host *host, struct emt_err *err);
/* In hex; "" where the hypervisor has none. */
#define EMT_XEN_BUILD_ID_ROOM 65
int emt_xen_build_id(struct emt_xen *x, char out[EMT_XEN_BUILD_ID_ROOM], struct emt_err *err);
int emt_xen_cmdline(struct emt_xen *x, char *out, size_t room, struct emt_err *err);
int emt_xen_host_e820(struct emt_xen *x, struct emt_ranges *frames, struct emt_err *err);
int emt_xen_max_page(struct emt_xen *x, uint64_t *max_page, struct emt_err *err);
/* Variable ranges only; the rest is marked unknown. */
int emt_xen_host_mtrr(struct emt_xen *x, struct emt_mtrr *m, struct emt_err *err);

/* ---- domains ---- */

enum emt_xen_type { EMT_XEN_PV, EMT_XEN_HVM, EMT_XEN_PVH };

struct emt_xen_domain {
	uint32_t domid;
	char uuid[40];
	char name[64];          /* of xenstore; may be empty */
	enum emt_xen_type type; /* PVH is told from HVM from 4.11 on */
	bool type_sure;
	uint8_t paging;         /* enum emt_paging; unknown where the release does not tell */
	bool dying, shutdown, paused;
	uint64_t tot_pages, max_pages, paged_pages, shared_pages;
	uint32_t online_vcpus;
	enum emt_xen_iommu { EMT_XEN_IOMMU_UNKNOWN, EMT_XEN_IOMMU_NO, EMT_XEN_IOMMU_YES } iommu; /* it has IOMMU tables */
	uint32_t nr_vcpus;      /* highest id and one; 0 = none */
	uint64_t shared_info;   /* frame of shared info: of PV domains a machine frame */
};
const char *emt_xen_type_name(unsigned int type); /* "pv", "hvm", "pvh" */

/* All domains, ascending; '*out' is the caller's to free. */
int emt_xen_domains(struct emt_xen *x, struct emt_xen_domain **out, size_t *n, struct emt_err *err);
int emt_xen_domain(struct emt_xen *x, uint32_t domid, struct emt_xen_domain *d, struct emt_err *err);
int emt_xen_max_gfn(struct emt_xen *x, uint32_t domid, uint64_t *gfn, struct emt_err *err);

/* Types that the p2m type of 'gfn' may be, as a set of enum emt_p2mt: Xen tells a class
 * of it only, of HVM and PVH domains. Populates nothing. */
int emt_xen_mem_type(struct emt_xen *x, uint32_t domid, uint64_t gfn, uint16_t *types, struct emt_err *err);

/* MTRRs, PAT and control registers of a vCPU as its save records tell them. Costs. */
struct emt_xen_regs {
	uint64_t pat, cr0, cr3, cr4, efer;
};
int emt_xen_vcpu(struct emt_xen *x, uint32_t domid, uint32_t vcpu, struct emt_mtrr *m,
		 struct emt_xen_regs *regs, struct emt_err *err);

/* Copy a page of guest RAM. The caller knows from the p2m that 'gfn' is populated with
 * RAM: for others the mapping itself would change the guest. Costs. */
int emt_xen_guest_page(struct emt_xen *x, uint32_t domid, uint64_t gfn, void *page, struct emt_err *err);

/* A frame of a PV domain, by machine frame: they are its own, nothing is looked up. For
 * dom0, asked in dom0, too. Costs. */
int emt_xen_pv_page(struct emt_xen *x, uint32_t domid, uint64_t mfn, void *page, struct emt_err *err);
/* What Xen's M2P says of a frame: 0 and the pfn, or not 0 where it says nothing. Costs. */
int emt_xen_m2p(struct emt_xen *x, uint64_t mfn, uint64_t *pfn);

/* ---- console ---- */

/* Text of the ring from '*index' on, up to 'room' bytes, returns how many; *index goes
 * on. *index 0 at first: from the oldest. '*lost' bytes were overwritten meanwhile. */
long emt_xen_console(struct emt_xen *x, uint32_t *index, char *out, size_t room, uint64_t *lost,
		     struct emt_err *err);

#endif
