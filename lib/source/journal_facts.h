/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of a domain out of the journal of what toolstacks did: pins, which nothing reads
 * back, rights to I/O memory and ports, devices, p2m types, and what once was so. Complete
 * only as far as it was watched, and only for calls that pass privcmd: not for those of a
 * stub domain, of dom0's kernel and of the guest itself.
 */
#ifndef EMT_SOURCE_JOURNAL_FACTS_H
#define EMT_SOURCE_JOURNAL_FACTS_H

#include "policy/facts.h"

/* What the journal says of 'domid', for facts that 'f' does not state:
 * - pins, iomem_caps, ioport_caps, pci_devices as they are by the calls seen. If the domain
 *   was created under watch, nothing was lost since and the watch goes on (its writer holds
 *   PATH.lock), what was seen is known and there is nothing else: assumed. Else what was
 *   seen before the last gap is assumed; pins set before it ended (prov.since; 'now' where
 *   nobody watches) are assumed not to exist, of rights and devices given before nothing
 *   is known;
 * - types: what was set or mapped, assumed;
 * - domain_iommu: by the flags the domain was created with;
 * - caps_ever_held, host_mtrr_changed, mmio_ro_changed: true if it was seen, and with a whole
 *   watch else assumed false.
 * - host_mtrr_earlier: with a whole watch, and host_mtrr known, those that were in force
 *   meanwhile, if the journal names all that was added and nothing else went.
 * Without a journal nothing is stated. 0 or EMT_E_NOMEM. */
int emt_journal_facts(const char *path, uint32_t domid, int64_t now, struct emt_facts *f);

#endif
