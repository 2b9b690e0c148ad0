/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a live domain by debug keys: the console's text, imported as a capture. */
#ifndef EMT_SOURCE_XEN_CONSOLE_H
#define EMT_SOURCE_XEN_CONSOLE_H

#include "capture/capture.h"
#include "xen/dump.h"

/* Issue keys q, Q and D and read what they say of domain 'd', together with 'facts' of
 * the control interfaces, which win over the text. At least one walk, facts included; '*out' is
 * the caller's to free. The plan says what it costs; without the handle's consent it is
 * only named: EMT_E_USAGE. EMT_E_UNSUPPORTED where the dump is refused (see dump.h) or
 * shows no EPT of this domain. */
int emt_xen_console_walk(struct emt_xen *x, const struct emt_xen_domain *d, const struct emt_facts *facts,
			 const char *subject, struct emt_capture **out, struct emt_err *err);

#endif
