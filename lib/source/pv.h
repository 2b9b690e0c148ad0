/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PV domains of a source: where their p2m stands, the memory map they were given, Xen's
 * M2P. A machine's memory shows those of all its PV domains, a live Xen the one named,
 * the kernel that runs emt its own, a capture what it holds.
 */
#ifndef EMT_SOURCE_PV_H
#define EMT_SOURCE_PV_H

#include "source/source.h"
#include "table/pvlist.h"
#include "xen/xen.h"

struct emt_pv_domain {
	uint32_t domid;
	char name[64];            /* may be empty */
	uint64_t shared_mfn;      /* of shared info */
	struct emt_pv_shared shared;
	enum emt_pv_list list;
	uint64_t end;             /* of the memory that it was given, in frames: the list may go on */
	struct emt_ranges e820;   /* owned; frames, tag 1 = RAM */
	enum emt_held e820_held;
	const char *e820_origin;
	char kernel[128];         /* release of its Linux; empty = not known */
	struct emt_ranges bars;   /* owned; device memory that is known, tag = EMT_BAR() */
	bool host_devices;        /* this machine's PCI devices, by sysfs, are its own: live */
	uint64_t missing, identity; /* see struct emt_pv_reader */
};

struct emt_pv_source;

/* EMT_E_UNSUPPORTED for sources that show no PV domain, EMT_E_NOSOURCE when there is none. */
int emt_pv_open(struct emt_pv_source **out, const struct emt_source_spec *spec, struct emt_err *err);
void emt_pv_close(struct emt_pv_source *s);
const char *emt_pv_name(const struct emt_pv_source *s);
size_t emt_pv_domains(const struct emt_pv_source *s);
const struct emt_pv_domain *emt_pv_domain(const struct emt_pv_source *s, size_t i);
/* The domain's p2m; see emt_pv_list_read(). Shared info is read again behind it: '*changed'
 * when the list was altered meanwhile. 'r' has the callbacks and 'arg' filled. */
int emt_pv_read(struct emt_pv_source *s, size_t i, struct emt_pv_reader *r, struct emt_pv_read *out, bool *changed,
		struct emt_err *err);
/* The RAM of a domain's memory map, as somebody states it who knows: all else is none of it.
 * 'ram' is copied; 0 or EMT_E_NOMEM. */
int emt_pv_state_ram(struct emt_pv_source *s, size_t i, const struct emt_ranges *ram);
/* Xen's M2P of a frame. Not 0 where it says nothing. For struct emt_pv_opts. */
int emt_pv_m2p(void *source, uint64_t mfn, uint64_t *pfn);

/* Device memory of this machine's PCI devices, by sysfs; empty where there is none. */
struct emt_pv_device {
	uint64_t first, last;     /* frames */
	uint32_t bar;             /* EMT_BAR(); emt_bar_name() */
};
int emt_pv_devices(struct emt_pv_device **out, size_t *n); /* '*out' is the caller's to free */

/* ---- inside: what a kind of source provides ---- */

struct emt_pv_ops {
	void (*close)(void *priv);
	const void *(*frame)(void *priv, uint32_t domid, uint64_t mfn); /* valid until the next call */
	int (*m2p)(void *priv, uint64_t mfn, uint64_t *pfn);
	/* emt_pv_read() where there is no list, but what was read of one; NULL = there is one. */
	int (*read)(void *priv, size_t i, const struct emt_pv_reader *r, struct emt_pv_read *out, bool *changed,
		    struct emt_err *err);
};

struct emt_pv_source {
	char name[600];
	const struct emt_pv_ops *ops;
	void *priv;
	struct emt_pv_domain *v;  /* owned */
	size_t n;
	size_t reading;           /* domain whose frames are asked for */
};

/* One more domain, zeroed; NULL when memory is short. */
struct emt_pv_domain *emt_pv_add(struct emt_pv_source *s);
/* Fill s->priv, ops and domains. On an error nothing is left but what emt_pv_close() frees. */
int emt_pv_open_mem(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err);
int emt_pv_open_xen(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err);
int emt_pv_open_capture(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err);
int emt_pv_open_self(struct emt_pv_source *s, struct emt_err *err);
/* What calls that cost nothing tell of Xen, for a domain that this runs in: its release. */
int emt_pv_host_facts(struct emt_facts *f, struct emt_err *err);
/* The memory map that a domain was given: dom0 has the host's, of another one only its
 * size is known. 0 or an error. */
int emt_pv_map_of_host(struct emt_xen *x, struct emt_pv_domain *d, struct emt_err *err);
/* Where the RAM of the kernel that runs this ends, by /proc/iomem; 0 = it does not tell. */
uint64_t emt_pv_own_end(void);
int emt_pv_map_of_guest(struct emt_pv_domain *d, uint64_t frames);

#endif
