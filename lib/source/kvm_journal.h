/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of a KVM guest out of the journal of what happened (`events --follow --ndjson`):
 * whether non-coherent DMA was ever registered, which KVM itself forgets.
 */
#ifndef EMT_SOURCE_KVM_JOURNAL_H
#define EMT_SOURCE_KVM_JOURNAL_H

#include "policy/facts.h"

/* noncoherent_ever of the guest of process 'pid', if 'f' does not state it: yes when that was
 * seen; no when it was watched (and not by uprobes, which do not see it) from before the
 * process began ('begun', seconds since 1970; 0 = not known) until now without a gap or a
 * loss. Else, or without a journal, nothing is stated. 0 or EMT_E_NOMEM. */
int emt_kvm_journal_facts(const char *path, uint32_t pid, int64_t begun, struct emt_facts *f);

/* When a process began, seconds since 1970; 0 = not known. */
int64_t emt_process_begun(uint32_t pid);

#endif
