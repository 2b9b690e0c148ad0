/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of a domain out of the journal of what toolstacks did: pins, which nothing reads
 * back. Complete only as far as it was watched, and only for calls that pass privcmd: not
 * for those of a stub domain, of dom0's kernel and of the guest itself.
 */
#ifndef EMT_SOURCE_JOURNAL_FACTS_H
#define EMT_SOURCE_JOURNAL_FACTS_H

#include "policy/facts.h"

/* Where the service keeps it. */
#define EMT_JOURNAL_FILE "/var/lib/emt/journal.ndjson"
/* Where the journal is: EMTCTL_JOURNAL, else the service's. */
const char *emt_journal_file(void);

/* Pins of 'domid' as they are by the journal, and whether it ever held an I/O right, if
 * 'f' does not state them. All other pins are assumed not to exist: always, if the
 * domain was created under watch, nothing was lost since, and the watch goes on (its writer
 * holds PATH.lock); else from the time on since when it was watched (prov.since). Without a journal nothing is stated. 0 or EMT_E_NOMEM. */
int emt_journal_facts(const char *path, uint32_t domid, struct emt_facts *f);

#endif
