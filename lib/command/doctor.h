/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a host offers, read from its files only: nothing is opened that has an effect.
 * Every function takes the root under which to look, so that a copied tree of another
 * host can be asked too. Internal to lib/command.
 */
#ifndef EMT_COMMAND_DOCTOR_H
#define EMT_COMMAND_DOCTOR_H

#include "base/err.h"
#include "base/types.h"

enum emt_works { EMT_WORKS_NO, EMT_WORKS_PARTLY, EMT_WORKS_YES };
const char *emt_works_name(unsigned int works); /* "no", "partly", "yes" */

/* One way into a guest. */
struct emt_way {
	const char *source;  /* "xen", "kvm", "mem", "capture", "p2m" */
	const char *way;     /* "key D over the console" */
	enum emt_works works;
	const char *cost;    /* what it costs the host */
	char why[240];       /* what was found */
	char next[240];      /* how to get it; empty if it works */
};

/* What is known of the host as a whole. */
struct emt_host {
	bool xen, dom0, pv, privcmd, privcmd_usable, libxenctrl;
	bool kvm, kvm_usable, kvm_intel, kvm_amd, ept, npt, btf, bpf_open;
	bool virtual_cpu_vmx, virtual_cpu_svm; /* the CPU can, whether or not modules are there */
	char xen_version[64], xen_commandline[512], kernel[96];
	char xen_build[65];  /* build id; may be empty: only root reads it */
	uint64_t conring;    /* bytes of Xen's console ring, 0 = not known */
	bool conring_stated; /* conring_size= says so; else the least there can be */
	bool serial;         /* Xen's console goes to a serial line too */
	bool root;           /* asked for the running host: privileged; for a tree: true */
};

#define EMT_DOCTOR_WAYS 8

/* 'sysroot' "" = the running host. 'privileged': who asks is root. 'built' bit 0: xen,
 * bit 1: kvm, bit 2: mem: sources of this build. */
void emt_doctor_look(const char *sysroot, bool privileged, struct emt_host *h);
/* Fill 'v' (room for EMT_DOCTOR_WAYS); returns how many. */
size_t emt_doctor_ways(const struct emt_host *h, unsigned int built, struct emt_way *v);

#endif
