/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of atoms: inside lib/policy only. */
#ifndef EMT_POLICY_ATOMS_KVM_H
#define EMT_POLICY_ATOMS_KVM_H

#include "policy/atoms.h"

/* CR0.CD, quirks and self-snoop; 'box' is zeroed before. */
void emt_atoms_kvm_domain(const struct emt_facts *f, enum emt_held fix_held, struct emt_box *box);

#endif
