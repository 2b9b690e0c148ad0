/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MTRR lookup as Xen does it (order aware since 3d90d6e69f) and as KVM did it
 * (up to 6.10), on registers that may be known only in part.
 */
#ifndef EMT_POLICY_MTRR_H
#define EMT_POLICY_MTRR_H

#include "policy/facts.h"

/* The set of enum emt_mtrr_value that 'm' can give for 2^order frames at 'frame'
 * (rounded down to the order). 'fix_held' is the lowest degree that counts as
 * fixed: EMT_ASSUMED takes assumed registers at their value, EMT_KNOWN lets them
 * be anything. Exact: each value in the set is reached by some value of the
 * registers that are free, and no other is. */
uint16_t emt_mtrr_lookup(const struct emt_mtrr *m, uint64_t frame, unsigned int order, enum emt_held fix_held);

/* Type of one 4 KiB page under KVM's lookup: the set of possible values. */
uint16_t emt_mtrr_lookup_kvm(const struct emt_mtrr *m, uint64_t frame, bool cpuid_mtrr, unsigned int maxphyaddr,
			     enum emt_held fix_held);
/* Largest level (1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB) over which KVM finds the MTRRs
 * consistent around 'frame'. Registers as they are. */
unsigned int emt_mtrr_kvm_max_level(const struct emt_mtrr *m, uint64_t frame, unsigned int maxphyaddr);

/* Frames at which KVM's answer may change: see emt_mtrr_boundaries(). */
void emt_mtrr_kvm_boundaries(const struct emt_mtrr *m, unsigned int maxphyaddr,
			     void (*add)(uint64_t frame, void *arg), void *arg);

/* First and last frame of variable range i; false if it is off or its mask is not
 * contiguous (then it covers more than one run of frames). */
bool emt_mtrr_var_range(const struct emt_mtrr *m, unsigned int i, uint64_t *first, uint64_t *last);

/* Frames at which the type may change, for cutting an address space into segments:
 * calls 'add' for each candidate boundary (first frame of something new) up to
 * 'limit'. Returns false when there are too many to list (odd masks). */
bool emt_mtrr_boundaries(const struct emt_mtrr *m, uint64_t limit, void (*add)(uint64_t frame, void *arg),
			 void *arg);

/* True for a save record of Xen 4.12 or later in which every variable slot repeats
 * slot 0 (e520d9e144): only slot 0 can be trusted. */
bool emt_mtrr_repeats(const struct emt_mtrr *m);

#endif
