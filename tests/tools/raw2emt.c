/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw2emt RAW.BIN FACTS.JSON OUT.EMT LABEL: a recording of raw EPT pages (format
 * "EPTRAW01", tests/data/captures/README.md) as a capture, table pages included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/facts_json.h"
#include "policy/release.h"
#include "table/walk.h"

struct page {
	uint64_t mfn;
	uint32_t level;
	uint64_t entry[512];
};

struct pages {
	struct page *v;
	size_t n;
};

static void die(const char *what, const struct emt_err *err)
{
	fprintf(stderr, "raw2emt: %s: %s %s\n", what, err ? err->subject : "", err ? err->text : "");
	exit(2);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *buf = NULL;
	size_t room = 0, n;

	if (!f)
		die(path, NULL);
	*len = 0;
	do {
		room = room ? room * 2 : 1 << 20;
		buf = realloc(buf, room);
		if (!buf)
			die("memory", NULL);
		n = fread(buf + *len, 1, room - *len, f);
		*len += n;
	} while (n);
	fclose(f);
	return buf;
}

static const uint64_t *frame(void *arg, uint64_t mfn)
{
	struct pages *p = arg;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].mfn == mfn)
			return p->v[i].entry;
	return NULL;
}

static int put(const struct emt_run *run, void *arg)
{
	struct emt_err err = { 0 };

	if (emt_capture_put(arg, run, &err))
		die("run", &err);
	return 0;
}

static uint64_t u64_at(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int main(int argc, char **argv)
{
	struct emt_capture_opts opts = { .tool = "raw2emt", .source = "raw EPT pages" };
	struct emt_capture_writer *w;
	struct emt_walk_result res;
	struct emt_release rel;
	struct emt_facts facts;
	struct emt_loss loss = { 0 };
	struct emt_err err = { 0 };
	struct pages pages = { 0 };
	size_t len, json_len;
	char *raw, *json;

	if (argc != 5)
		die("usage: raw2emt RAW.BIN FACTS.JSON OUT.EMT LABEL", NULL);
	raw = slurp(argv[1], &len);
	json = slurp(argv[2], &json_len);
	if (len < 64 || memcmp(raw, "EPTRAW01", 8))
		die("not an EPTRAW01 file", NULL);
	for (size_t at = 64; at + 32 <= len;) {
		uint64_t size = u64_at(raw + at + 24);

		if (!memcmp(raw + at, "TABL", 4)) {
			pages.v = realloc(pages.v, (pages.n + 1) * sizeof(*pages.v));
			if (!pages.v)
				die("memory", NULL);
			pages.v[pages.n].mfn = u64_at(raw + at + 8);
			memcpy(&pages.v[pages.n].level, raw + at + 4, 4);
			memcpy(pages.v[pages.n].entry, raw + at + 32, 4096);
			pages.n++;
		}
		at += 32 + size;
	}
	emt_facts_init(&facts);
	if (emt_facts_from_text(&facts, json, json_len, "facts file", argv[2], &err))
		die("facts", &err);
	if (emt_release_parse(&rel, facts.release, false, &err))
		die("release", &err);
	if (emt_capture_create(&w, argv[3], &opts, &err) || emt_capture_walk_begin(w, &facts, 0, argv[4], &err))
		die("capture", &err);
	emt_walk_ept(&(struct emt_memory){ .frame = frame, .arg = &pages }, u64_at(raw + 16) >> 12 & 0xffffffffffull,
		     emt_epte_layout_of(rel.version), 0, put, w, &res);
	for (size_t i = 0; i < pages.n; i++)
		if (emt_capture_put_table(w, pages.v[i].mfn, pages.v[i].level, pages.v[i].entry, &err))
			die("table", &err);
	if (emt_capture_walk_end(w, &loss, &err) || emt_capture_close(w, &err))
		die("capture", &err);
	printf("%s: %llu tables, %llu leaves\n", argv[4], (unsigned long long)res.tables,
	       (unsigned long long)res.leaves);
	emt_facts_free(&facts);
	free(pages.v);
	free(raw);
	free(json);
	return 0;
}
