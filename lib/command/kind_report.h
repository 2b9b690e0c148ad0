/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kind of `report`: a domain's audit as it goes on a ticket.
 */
#ifndef EMT_COMMAND_KIND_REPORT_H
#define EMT_COMMAND_KIND_REPORT_H

#include "output/record.h"

#define EMT_TICKET_LINES 60 /* of the text: one page */
#define EMT_TICKET_WIDTH 76

enum { SEVC_SEVERITY, SEVC_FINDINGS, SEVC_NR };

/* What happened to a finding, as emtd remembers it. */
enum { PAST_FIRST_SEEN, PAST_LAST_SEEN, PAST_STATE, PAST_SEVERITY, PAST_WHAT, PAST_NR };

enum { REP_DOMAIN, REP_NAME, REP_UUID, REP_RELEASE, REP_RELEASE_EXACT, REP_PAGING, REP_SOURCE, REP_TIME, REP_ENTRIES,
       REP_BYTES, REP_VERDICTS, REP_TYPES, REP_SEVERITIES, REP_FINDINGS, REP_FINDINGS_TOTAL, REP_ASSUMED, REP_UNKNOWN,
       REP_COMPLETE, REP_LOSS, REP_HISTORY, REP_HISTORY_NOTE, REP_FILE, REP_NR };
extern const struct emt_record_kind emt_kind_report;

/* One line each, as the page has them too; returns 'out'. */
char *emt_report_severities(const struct emt_rec *rec, char *out, size_t room);
char *emt_report_entries(const struct emt_rec *rec, char *out, size_t room);
char *emt_report_memory(const struct emt_rec *rec, char *out, size_t room);
char *emt_report_lost(const struct emt_rec *rec, char *out, size_t room);

#endif
