/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each text is read twice: first for what it tells of hosts and domains and for where
 * its dumps stand, then for the entries, which go straight into the capture. So facts
 * behind a dump count for it, and memory does not grow with the dumps.
 */
#include "console/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/import_facts.h"
#include "console/import_input.h"
#include "console/iommu_blob.h"
#include "console/observed.h"

#define NO_DOMAIN UINT32_MAX
#define NEXT_DUMP "xl debug-keys D; xl dmesg >FILE; then import FILE"

struct dump {
	struct emt_dump_place at;
	bool cut_head, cut_tail;
	bool wanted;
};

struct import {
	uint64_t bytes;                 /* read so far, both times */
	const struct emt_import_opts *opts;
	struct emt_import_result *res;
	struct emt_err *err;
	struct emt_input *in;          /* opts->nr_files of them */
	struct emt_facts_file *ff;     /* opts->nr_facts_files of them */
	struct emt_observed seen;
	struct dump *dumps;
	size_t nr_dumps, room;
	struct emt_console *c;         /* in use */
	uint32_t file;
	uint32_t tables;               /* of key o, wanted or not */

	struct emt_capture_writer *w;  /* second reading */
	size_t cur;                    /* index of the dump being read */
	bool in_walk;
	struct emt_run run;            /* being joined */
	struct emt_loss loss;
	struct emt_iommu_writer iommu;
	bool in_table;
};

static void tell(struct import *im, uint32_t file, unsigned long line, enum emt_note_level level,
		 const char *text)
{
	struct emt_import_note n = { .file = file < im->opts->nr_files ? im->in[file].name : NULL,
				     .line = line, .level = level, .text = text };

	if (im->opts->note)
		im->opts->note(&n, im->opts->arg);
}

/* ---- first reading ---- */

static int seen_ept_begin(void *arg, uint32_t domid, unsigned long line)
{
	struct import *im = arg;

	if (im->nr_dumps == im->room) {
		size_t room = im->room ? im->room * 2 : 16;
		struct dump *d = realloc(im->dumps, room * sizeof(*d));

		if (!d)
			return EMT_E_NOMEM;
		im->dumps = d;
		im->room = room;
	}
	im->dumps[im->nr_dumps++] = (struct dump){
		.at = { .domid = domid, .file = im->file, .first = line, .last = line } };
	return 0;
}

static int seen_ept_dropped(void *arg, enum emt_console_drop what, unsigned long line)
{
	struct import *im = arg;

	(void)line;
	im->res->lines_bad += what == EMT_DROP_LINE;
	return 0;
}

static int seen_ept_end(void *arg, bool cut_head, bool cut_tail, unsigned long line)
{
	struct import *im = arg;
	struct dump *d = &im->dumps[im->nr_dumps - 1];

	d->at.last = line;
	d->cut_head = cut_head;
	d->cut_tail = cut_tail;
	return 0;
}

static int seen_iommu_begin(void *arg, uint32_t domid, bool shared, bool amd, unsigned int levels,
			    unsigned long line)
{
	struct import *im = arg;

	(void)domid, (void)shared, (void)amd, (void)levels, (void)line;
	im->tables++;
	return 0;
}

static int seen_fact(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last,
		     uint32_t tag, unsigned long line)
{
	struct import *im = arg;

	if (emt_fact_descs[id].kind == EMT_FK_LIST)
		return emt_observed_element(&im->seen, (int)id, domid, im->file, first, last, tag);
	return emt_observed_value(&im->seen, (int)id, domid, tag, first, im->file, line,
				  emt_console_origin(im->c));
}

static int seen_text(void *arg, enum emt_fact_id id, uint32_t domid, const char *text, unsigned long line)
{
	struct import *im = arg;

	return emt_observed_text(&im->seen, (int)id, domid, text, im->file, line, emt_console_origin(im->c));
}

static int seen_list(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	struct import *im = arg;

	return emt_observed_list(&im->seen, (int)id, domid, im->file, line, emt_console_origin(im->c));
}

static int seen_whole(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	struct import *im = arg;

	if (id == EMT_FACT_PCI_DEVICES)
		return emt_observed_value(&im->seen, (int)id, domid, 0, 0, im->file, line,
					  emt_console_origin(im->c));
	emt_observed_whole(&im->seen, (int)id, domid, im->file);
	return 0;
}

static int seen_mtrr(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		     unsigned long line)
{
	struct import *im = arg;

	return emt_observed_mtrr(&im->seen, (int)id, domid, vcpu, m, im->file, line,
				 emt_console_origin(im->c));
}

static int seen_about(void *arg, enum emt_console_about what, uint32_t domid, uint64_t value,
		      const char *text, unsigned long line)
{
	struct import *im = arg;
	const char *origin = emt_console_origin(im->c);

	if (text)
		return emt_observed_text(&im->seen, EMT_OBSERVED_ABOUT(what), domid, text, im->file, line,
					 origin);
	return emt_observed_value(&im->seen, EMT_OBSERVED_ABOUT(what), domid, 0, value, im->file, line,
				  origin);
}

static int seen_note(void *arg, enum emt_note_level level, unsigned long line, const char *text)
{
	struct import *im = arg;

	tell(im, im->file, line, level, text);
	return 0;
}

static const struct emt_console_ops first_reading = {
	.ept_begin = seen_ept_begin, .ept_dropped = seen_ept_dropped,
	.ept_end = seen_ept_end, .iommu_begin = seen_iommu_begin,
	.fact = seen_fact, .fact_text = seen_text, .list_begin = seen_list, .list_whole = seen_whole,
	.mtrr = seen_mtrr, .about = seen_about, .note = seen_note,
};

/* ---- second reading ---- */

/* "dir/D03-touched.txt" -> "D03-touched" */
static const char *label_of(const struct import *im, char buf[64])
{
	const char *path = im->opts->files[im->file], *base = strrchr(path, '/'), *dot;
	size_t n;

	if (im->opts->label)
		return im->opts->label;
	if (!strcmp(path, "-"))
		return NULL;
	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	snprintf(buf, 64, "%.*s", n < 63 ? (int)n : 63, base);
	return buf;
}

struct note_to {
	struct import *im;
	uint32_t file;
};

static void facts_note(unsigned long line, const char *text, void *arg)
{
	const struct note_to *to = arg;

	tell(to->im, to->file, line, EMT_NOTE_INFO, text);
}

static int walk_facts(struct import *im, const struct dump *d, struct emt_facts *f)
{
	struct note_to to = { im, d->at.file };
	int rc;

	rc = emt_observed_facts(&im->seen, &d->at, im->opts->time, f, facts_note, &to);
	if (rc)
		return emt_err_set(im->err, rc, "import", NULL, "out of memory");
	for (size_t i = 0; i < im->opts->nr_facts_files && !rc; i++)
		rc = emt_facts_file_apply(&im->ff[i], d->at.domid, f, im->err);
	if (rc)
		return rc;
	if (im->opts->release) {
		snprintf(f->release, sizeof(f->release), "%s", im->opts->release);
		f->is_kvm = 0;
		emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "given by the user");
	}
	emt_observed_settle(f);
	return 0;
}

static int walk_begin(void *arg, uint32_t domid, unsigned long line)
{
	struct import *im = arg;
	const struct dump *d = im->cur < im->nr_dumps ? &im->dumps[im->cur] : NULL;
	struct emt_facts f;
	char label[64];
	int rc;

	(void)domid; /* a dump without heading may have been given one */
	if (!d || d->at.file != im->file || d->at.first != line)
		return emt_err_set(im->err, EMT_E_IO, im->in[im->file].name, "import a copy of it",
				   "the text changed while it was read");
	if (!d->wanted)
		return 0;
	emt_facts_init(&f);
	rc = walk_facts(im, d, &f);
	if (!rc)
		rc = emt_capture_walk_begin(im->w, &f, im->opts->time, label_of(im, label), im->err);
	emt_facts_free(&f);
	im->in_walk = !rc;
	im->run.count = 0;
	im->loss = (struct emt_loss){ .cut_head = d->cut_head, .cut_tail = d->cut_tail };
	return rc;
}

static int flush_run(struct import *im)
{
	if (!im->run.count)
		return 0;
	im->res->runs++;
	return emt_capture_put(im->w, &im->run, im->err);
}

static int walk_entry(void *arg, const struct emt_run *entry, unsigned long line)
{
	struct import *im = arg;
	int rc;

	(void)line;
	if (!im->in_walk)
		return 0;
	im->res->entries++;
	if (im->run.count && emt_run_joins(&im->run, entry)) {
		im->run.count++;
		return 0;
	}
	rc = flush_run(im);
	im->run = *entry;
	return rc;
}

static int walk_dropped(void *arg, enum emt_console_drop what, unsigned long line)
{
	struct import *im = arg;

	(void)line;
	if (what == EMT_DROP_LINE)
		im->loss.lines_unparsed++;
	else
		im->loss.entries_cut++;
	return 0;
}

static int walk_end(void *arg, bool cut_head, bool cut_tail, unsigned long line)
{
	struct import *im = arg;
	struct emt_loss *loss = &im->loss;
	int rc;

	(void)cut_head, (void)cut_tail, (void)line;
	im->cur++;
	if (!im->in_walk)
		return 0;
	im->in_walk = false;
	rc = flush_run(im);
	if (rc)
		return rc;
	if (loss->cut_head)
		snprintf(loss->note, sizeof(loss->note),
			 "the dump's beginning is missing: the console ring wrapped (conring_size=)");
	else if (loss->cut_tail)
		snprintf(loss->note, sizeof(loss->note), "the end of the dump is missing");
	else if (loss->lines_unparsed || loss->entries_cut)
		snprintf(loss->note, sizeof(loss->note), "%llu lines could not be used",
			 (unsigned long long)(loss->lines_unparsed + loss->entries_cut));
	im->res->walks++;
	return emt_capture_walk_end(im->w, loss, im->err);
}

static bool wanted_domain(const struct import *im, uint32_t domid)
{
	return im->opts->domid < 0 || im->opts->domid == (int64_t)domid;
}

static int put_part(const void *data, size_t len, void *arg)
{
	struct import *im = arg;

	return emt_capture_put_blob(im->w, EMT_IOMT_KIND, data, len, im->err);
}

static int table_begin(void *arg, uint32_t domid, bool shared, bool amd, unsigned int levels,
		       unsigned long line)
{
	struct import *im = arg;

	(void)line;
	im->in_table = wanted_domain(im, domid);
	if (im->in_table)
		emt_iommu_writer_begin(&im->iommu, domid,
				       (shared ? EMT_IOMT_SHARED : 0) | (amd ? EMT_IOMT_AMD : 0), levels);
	return 0;
}

static int table_entry(void *arg, uint64_t dfn, uint64_t mfn, unsigned int perm, unsigned int level,
		       unsigned long line)
{
	struct import *im = arg;

	(void)line;
	return im->in_table ? emt_iommu_writer_put(&im->iommu, dfn, mfn, perm, level) : 0;
}

static int table_end(void *arg, unsigned long bad, unsigned long line)
{
	struct import *im = arg;

	(void)line;
	if (!im->in_table)
		return 0;
	im->in_table = false;
	im->res->iommu_tables++;
	return emt_iommu_writer_end(&im->iommu, bad > UINT32_MAX ? UINT32_MAX : (uint32_t)bad);
}

static const struct emt_console_ops second_reading = {
	.ept_begin = walk_begin, .ept_entry = walk_entry, .ept_dropped = walk_dropped, .ept_end = walk_end,
	.iommu_begin = table_begin, .iommu_entry = table_entry, .iommu_end = table_end,
};

/* ---- between ---- */

static int count_step(uint64_t bytes, void *arg)
{
	struct import *im = arg;

	im->bytes += bytes;
	return im->opts->step ? im->opts->step(im->bytes, im->opts->arg) : 0;
}

static int read_all(struct import *im, const struct emt_console_ops *ops, uint64_t *lines, uint64_t *used)
{
	int rc = 0;

	for (im->file = 0; im->file < im->opts->nr_files && !rc; im->file++) {
		im->c = emt_console_new(ops, im);
		if (!im->c)
			return emt_err_set(im->err, EMT_E_NOMEM, "import", NULL, "out of memory");
		rc = emt_input_parse(&im->in[im->file], im->c, count_step, im, im->err);
		*lines += emt_console_lines(im->c);
		*used += emt_console_used(im->c);
		emt_console_free(im->c);
		im->c = NULL;
	}
	return rc;
}

static size_t told(const struct import *im, int id)
{
	size_t n = 0;

	for (size_t i = 0; i < im->seen.n; i++)
		n += im->seen.v[i].id == id;
	return n;
}

/* No dump: what is there instead? */
static int nothing(struct import *im)
{
	struct { bool there; const char *name; } kinds[] = {
		{ im->tables != 0, "IOMMU tables (key o)" },
		{ told(im, EMT_OBSERVED_ABOUT(EMT_ABOUT_NR_PAGES)) != 0, "domain information (key q)" },
		{ told(im, EMT_FACT_PCI_DEVICES) != 0, "PCI devices (key Q)" },
		{ told(im, EMT_OBSERVED_ABOUT(EMT_ABOUT_EPTP)) != 0, "VMCS dumps (key v)" },
		{ told(im, EMT_FACT_VCPU_MTRR) != 0, "a save record (xen-hvmctx)" },
		{ told(im, EMT_FACT_RELEASE) != 0, "a version of Xen" },
	};
	char what[200] = "";
	size_t n = 0;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(kinds); i++)
		if (kinds[i].there && n < sizeof(what))
			n += (size_t)snprintf(what + n, sizeof(what) - n, "%s%s", n ? ", " : "",
					      kinds[i].name);
	return emt_err_set(im->err, EMT_E_FORMAT, im->in[0].name, NEXT_DUMP,
			   n ? "no EPT dump (key D) in it; found: %s" : "no EPT dump (key D) in it, "
			   "and nothing else of Xen's%s", what);
}

/* A dump without heading is the wanted domain's if nothing else can be it. */
static void name_headless(struct import *im)
{
	int64_t domid = im->opts->domid;

	for (size_t i = 0; i < im->opts->nr_facts_files && domid < 0; i++)
		domid = im->ff[i].domid;
	if (domid < 0)
		return;
	for (size_t i = 0; i < im->nr_dumps; i++)
		if (im->dumps[i].at.domid == (uint32_t)domid)
			return;
	for (size_t i = 0; i < im->nr_dumps; i++) {
		struct dump *d = &im->dumps[i];
		char text[120];

		if (d->at.domid != NO_DOMAIN)
			continue;
		d->at.domid = (uint32_t)domid;
		snprintf(text, sizeof(text), "the dump without heading is taken for domain %u's, as asked",
			 d->at.domid);
		tell(im, d->at.file, d->at.first, EMT_NOTE_WARNING, text);
	}
}

static int choose(struct import *im)
{
	size_t wanted = 0, n = 0;
	char have[120] = "";

	if (!im->nr_dumps)
		return nothing(im);
	name_headless(im);
	for (size_t i = 0; i < im->nr_dumps; i++) {
		struct dump *d = &im->dumps[i];
		bool again = false;

		for (size_t j = 0; j < i && !again; j++)
			again = im->dumps[j].at.domid == d->at.domid;
		d->wanted = wanted_domain(im, d->at.domid);
		wanted += d->wanted;
		if (!again && d->wanted)
			im->res->domains++;
		if (again || n >= sizeof(have))
			continue;
		if (d->at.domid == NO_DOMAIN)
			n += (size_t)snprintf(have + n, sizeof(have) - n, "%sone not named", n ? ", " : "");
		else
			n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%u", n ? ", " : "", d->at.domid);
	}
	if (!wanted)
		return emt_err_set(im->err, EMT_E_NOSOURCE, im->in[0].name, "choose one of these",
				   "no dump of domain %lld in it; there are dumps of domains %s",
				   (long long)im->opts->domid, have);
	return 0;
}

static int write_capture(struct import *im)
{
	struct emt_capture_opts co = im->opts->capture;
	uint64_t lines = 0, used = 0;
	int rc;

	if (!co.time)
		co.time = im->opts->time;
	if (emt_iommu_writer_init(&im->iommu, 0, put_part, im))
		return emt_err_set(im->err, EMT_E_NOMEM, "import", NULL, "out of memory");
	rc = emt_capture_create(&im->w, im->opts->output, &co, im->err);
	if (!rc)
		rc = read_all(im, &second_reading, &lines, &used);
	if (!rc && (lines != im->res->lines || im->cur != im->nr_dumps))
		rc = emt_err_set(im->err, EMT_E_IO, im->in[0].name, "import a copy of it",
				 "the text changed while it was read");
	if (!rc) {
		rc = emt_capture_close(im->w, im->err);
		im->w = NULL;
	}
	emt_capture_abort(im->w);
	emt_iommu_writer_free(&im->iommu);
	return rc;
}

static int open_all(struct import *im)
{
	int rc = 0;

	for (size_t i = 0; i < im->opts->nr_files; i++)
		im->in[i].fd = -1;
	for (size_t i = 0; i < im->opts->nr_facts_files && !rc; i++)
		rc = emt_facts_file_read(&im->ff[i], im->opts->facts_files[i], im->err);
	for (size_t i = 0; i < im->opts->nr_files && !rc; i++)
		rc = emt_input_open(&im->in[i], im->opts->files[i], im->err);
	return rc;
}

int emt_import(const struct emt_import_opts *opts, struct emt_import_result *result, struct emt_err *err)
{
	struct import im = { .opts = opts, .res = result, .err = err };
	int rc;

	*result = (struct emt_import_result){ 0 };
	if (!opts->nr_files)
		return emt_err_set(err, EMT_E_USAGE, "import", NEXT_DUMP, "no file named");
	im.in = calloc(opts->nr_files, sizeof(*im.in));
	im.ff = calloc(opts->nr_facts_files ? opts->nr_facts_files : 1, sizeof(*im.ff));
	if (!im.in || !im.ff)
		rc = emt_err_set(err, EMT_E_NOMEM, "import", NULL, "out of memory");
	else
		rc = open_all(&im);
	if (!rc)
		rc = read_all(&im, &first_reading, &result->lines, &result->lines_used);
	if (!rc)
		rc = choose(&im);
	if (!rc)
		rc = write_capture(&im);
	for (size_t i = 0; im.in && i < opts->nr_files; i++)
		emt_input_close(&im.in[i]);
	for (size_t i = 0; im.ff && i < opts->nr_facts_files; i++)
		emt_facts_file_free(&im.ff[i]);
	emt_observed_free(&im.seen);
	free(im.dumps);
	free(im.in);
	free(im.ff);
	return rc;
}
