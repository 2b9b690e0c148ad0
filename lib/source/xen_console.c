/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xen_console.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/facts_json.h"
#include "capture/outfile.h"
#include "console/import.h"

/* A folder of our own for the text on its way into a capture; gone when that is open. */
struct place {
	char dir[200];
	char text[240], facts[240], walk[240];
};

static int make_place(struct place *p, struct emt_err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(p->dir, sizeof(p->dir), "%s/emt-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
	    (int)sizeof(p->dir))
		return emt_err_set(err, EMT_E_USAGE, "TMPDIR", NULL, "its path is too long");
	if (!mkdtemp(p->dir))
		return emt_err_errno(err, EMT_E_IO, tmp && *tmp ? tmp : "/tmp",
				     "set TMPDIR to a directory with room", "cannot make a folder there");
	snprintf(p->text, sizeof(p->text), "%s/console", p->dir);
	snprintf(p->facts, sizeof(p->facts), "%s/facts", p->dir);
	snprintf(p->walk, sizeof(p->walk), "%s/walk.emt", p->dir);
	return 0;
}

static void remove_place(const struct place *p)
{
	unlink(p->text);
	unlink(p->facts);
	unlink(p->walk);
	rmdir(p->dir);
}

/* ---- the text ---- */

struct spill {
	struct emt_outfile o;
	struct emt_err *err;
};

static int spill(const char *data, size_t len, void *arg)
{
	struct spill *s = arg;

	return emt_outfile_write(&s->o, data, len, s->err);
}

/* q and Q first: what they say of special frames and rights is then as old as the
 * entries, or older by an instant. */
static int write_text(struct emt_xen *x, const char *path, uint64_t *lost, struct emt_err *err)
{
	static const enum emt_xen_call keys[] = { EMT_XC_KEY_Q, EMT_XC_KEY_PCI, EMT_XC_KEY_D };
	struct spill s = { .err = err };
	int rc = emt_outfile_open(&s.o, path, err);

	if (rc)
		return rc;
	rc = emt_xen_keys(x, keys, EMT_ARRAY_SIZE(keys), spill, &s, lost, err);
	if (rc) {
		emt_outfile_abort(&s.o);
		return rc;
	}
	return emt_outfile_commit(&s.o, err);
}

static int write_facts(const struct emt_facts *f, const char *path, struct emt_err *err)
{
	struct json_object *obj = emt_facts_to_json(f);
	struct emt_outfile o;
	const char *text;
	int rc;

	if (!obj)
		return emt_err_set(err, EMT_E_NOMEM, "facts", NULL, "not enough memory");
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN);
	rc = emt_outfile_open(&o, path, err);
	if (!rc) {
		rc = emt_outfile_write(&o, text, strlen(text), err);
		if (rc)
			emt_outfile_abort(&o);
		else
			rc = emt_outfile_commit(&o, err);
	}
	json_object_put(obj);
	return rc;
}

static int import(const struct place *p, const struct emt_xen_domain *d, const char *subject,
		  struct emt_err *err)
{
	const char *files[] = { p->text }, *facts[] = { p->facts };
	struct emt_import_opts o = {
		.files = files,
		.nr_files = 1,
		.facts_files = facts,
		.nr_facts_files = 1,
		.domid = d->domid,
		.output = p->walk,
		.time = time(NULL),
	};
	struct emt_import_result result;
	struct emt_err why = { 0 };
	int rc;

	o.capture = (struct emt_capture_opts){ .tool = "emt " EMT_VERSION, .source = subject, .time = o.time };
	rc = emt_import(&o, &result, &why);
	if (rc == EMT_E_FORMAT || rc == EMT_E_NOSOURCE)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "emtctl doctor lists the other ways",
				   "key D printed no EPT of this domain: it has none, or it is dying");
	return rc ? emt_err_set(err, rc, why.subject, why.next, "%s", why.text) : 0;
}

/* ---- all of it ---- */

static int ask(const struct emt_xen_dump_plan *plan, const char *subject, struct emt_err *err)
{
	char next[200];

	snprintf(next, sizeof(next), "%s,costs=yes allows it", subject);
	return emt_err_set(err, EMT_E_USAGE, subject, next,
			   "reading its entries prints the EPT of %u domain%s to Xen's console, %llu KiB or more of "
			   "a ring of %llu KiB%s; other tools wait meanwhile",
			   plan->domains, plan->domains == 1 ? "" : "s", (unsigned long long)plan->bytes >> 10,
			   (unsigned long long)plan->ring.bytes >> 10,
			   plan->ring.baud ? ", and to a serial line" : "");
}

int emt_xen_console_walk(struct emt_xen *x, const struct emt_xen_domain *d, const struct emt_facts *facts,
			 const char *subject, struct emt_capture **out, struct emt_err *err)
{
	struct emt_xen_dump_plan plan;
	struct place p;
	uint64_t lost = 0;
	int rc = emt_xen_dump_plan(x, &plan, err);

	*out = NULL;
	if (!rc)
		rc = emt_xen_dump_allowed(&plan, subject, err);
	if (!rc && !emt_xen_consent(x))
		rc = ask(&plan, subject, err);
	if (!rc)
		rc = make_place(&p, err);
	if (rc)
		return rc;
	rc = write_text(x, p.text, &lost, err);
	if (!rc)
		rc = write_facts(facts, p.facts, err);
	if (!rc)
		rc = import(&p, d, subject, err);
	if (rc && lost)
		rc = emt_err_set(err, EMT_E_TRUNCATED, subject, "boot Xen with a larger conring_size=",
				 "the console ring was too small: %llu bytes of the dump were overwritten",
				 (unsigned long long)lost);
	if (!rc)
		rc = emt_capture_open(out, p.walk, false, err);
	remove_place(&p);
	return rc;
}
