/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two tables behind emt_era_at(): inside lib/policy only. */
#ifndef EMT_POLICY_RULES_H
#define EMT_POLICY_RULES_H

#include "policy/release.h"

extern const struct emt_era emt_eras_xen[];
extern const size_t emt_nr_eras_xen;
extern const struct emt_era emt_eras_kvm[];
extern const size_t emt_nr_eras_kvm;

#endif
