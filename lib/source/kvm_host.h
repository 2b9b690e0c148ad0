/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc tells of a host that runs KVM. */
#ifndef EMT_SOURCE_KVM_HOST_H
#define EMT_SOURCE_KVM_HOST_H

#include "base/err.h"
#include "base/range.h"

/* RAM by /proc/iomem: frames, tag 1. Empty where addresses are hidden (no root). */
int emt_kvm_host_ram(struct emt_ranges *ram, const char *subject, struct emt_err *err);

/* The same from text; lines that make no sense are skipped. 0 or EMT_E_NOMEM. */
int emt_kvm_ram_line(struct emt_ranges *ram, const char *line);

/* The CPU has self-snoop (flag "ss"). */
bool emt_kvm_host_self_snoop(void);

/* The release as facts state it: "kvm 6.1.0-56-amd64"; where 'pat_quirk' says that a kernel
 * of 6.11 to 6.15 carries the rule of 6.16 (kvm_caps.inapplicable_quirks came with it):
 * "kvm 6.16.0 (its rule, in 6.12.117+deb12-amd64)". */
void emt_kvm_release(const char *uname, bool pat_quirk, char *out, size_t room);

#endif
