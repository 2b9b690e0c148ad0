/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/mem_host.h"

#include <string.h>

#include "console/console.h"
#include "console/observed.h"

#define HOST UINT32_MAX

struct host {
	struct emt_observed seen;
	struct emt_console *c;
};

/* Only the boot log: keys printed later may be stale by now. */
static bool wanted(const struct host *h, uint32_t domid)
{
	const char *origin = emt_console_origin(h->c);

	return domid == HOST && origin && !strcmp(origin, "boot log");
}

static int fact(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last, uint32_t tag,
		unsigned long line)
{
	struct host *h = arg;

	if (!wanted(h, domid))
		return 0;
	if (emt_fact_descs[id].kind == EMT_FK_LIST)
		return emt_observed_element(&h->seen, (int)id, domid, 0, first, last, tag);
	return emt_observed_value(&h->seen, (int)id, domid, tag, first, 0, line, emt_console_origin(h->c));
}

static int fact_text(void *arg, enum emt_fact_id id, uint32_t domid, const char *text, unsigned long line)
{
	struct host *h = arg;

	return wanted(h, domid) ? emt_observed_text(&h->seen, (int)id, domid, text, 0, line,
						    emt_console_origin(h->c)) : 0;
}

static int list_begin(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	struct host *h = arg;

	return wanted(h, domid) ? emt_observed_list(&h->seen, (int)id, domid, 0, line,
						    emt_console_origin(h->c)) : 0;
}

static int list_whole(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	struct host *h = arg;

	(void)line;
	if (wanted(h, domid))
		emt_observed_whole(&h->seen, (int)id, domid, 0);
	return 0;
}

static int mtrr(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		unsigned long line)
{
	struct host *h = arg;

	return wanted(h, domid) ? emt_observed_mtrr(&h->seen, (int)id, domid, vcpu, m, 0, line,
						    emt_console_origin(h->c)) : 0;
}

int emt_mem_host(struct emt_facts *f, const char *text, size_t len, struct emt_err *err)
{
	static const struct emt_console_ops ops = {
		.fact = fact,
		.fact_text = fact_text,
		.list_begin = list_begin,
		.list_whole = list_whole,
		.mtrr = mtrr,
	};
	struct host h = { 0 };
	struct emt_dump_place place = { .domid = HOST };
	int rc;

	h.c = emt_console_new(&ops, &h);
	if (!h.c)
		return emt_err_set(err, EMT_E_NOMEM, "boot log", NULL, "not enough memory to read it");
	rc = emt_console_feed(h.c, text, len, err);
	if (!rc)
		rc = emt_console_finish(h.c, err);
	place.first = place.last = emt_console_lines(h.c);
	if (!rc)
		rc = emt_observed_facts(&h.seen, &place, 0, f, NULL, NULL);
	emt_console_free(h.c);
	emt_observed_free(&h.seen);
	return rc ? emt_err_set(err, rc, "boot log", NULL, "cannot be read") : 0;
}
