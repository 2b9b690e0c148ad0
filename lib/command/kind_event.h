/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of what emtd sees and remembers: events, numbers of a domain, rows of the
 * history. Names of columns are those in emtd's lines.
 */
#ifndef EMT_COMMAND_KIND_EVENT_H
#define EMT_COMMAND_KIND_EVENT_H

#include "output/record.h"

enum { EV_TIME, EV_EVENT, EV_SOURCE, EV_DOMAIN, EV_NAME, EV_UUID, EV_KEY, EV_SEVERITY, EV_KIND, EV_DEFECT, EV_TITLE,
       EV_FIRST_GFN, EV_ENTRIES, EV_WAS_ENTRIES, EV_BYTES, EV_TYPE, EV_EXPLANATION, EV_FIRST_SEEN, EV_FACT, EV_VALUE,
       EV_WAS_VALUE, EV_TEXT, EV_NR };
extern const struct emt_record_kind emt_kind_event;

enum { WST_TIME, WST_SOURCE, WST_DOMAIN, WST_NAME, WST_UUID, WST_AUDITS, WST_COMPLETE, WST_FINDINGS, WST_INFO, WST_NOTICE,
       WST_WARNING, WST_ERROR, WST_CRITICAL, WST_WORST, WST_ENTRIES, WST_OK, WST_PENDING, WST_MISMATCH,
       WST_UNDETERMINED, WST_NR };
extern const struct emt_record_kind emt_kind_watched_state;

enum { PF_DOMAIN, PF_NAME, PF_UUID, PF_SOURCE, PF_KEY, PF_SEVERITY, PF_KIND, PF_DEFECT, PF_TITLE, PF_FIRST_SEEN,
       PF_LAST_SEEN, PF_CLEARED, PF_AUDITS, PF_FIRST_GFN, PF_ENTRIES, PF_BYTES, PF_TYPE, PF_EXPLANATION, PF_NR };
extern const struct emt_record_kind emt_kind_past_finding;

enum { PA_DOMAIN, PA_NAME, PA_UUID, PA_SOURCE, PA_TIME, PA_MILLISECONDS, PA_COMPLETE, PA_RELEASE, PA_ENTRIES,
       PA_FINDINGS, PA_WORST, PA_NR };
extern const struct emt_record_kind emt_kind_past_audit;

enum { PT_DOMAIN, PT_NAME, PT_UUID, PT_SOURCE, PT_FACT, PT_HELD, PT_VALUE, PT_FIRST_SEEN, PT_LAST_SEEN, PT_ENDED, PT_NR };
extern const struct emt_record_kind emt_kind_past_fact;

#endif
