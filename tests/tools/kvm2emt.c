/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kvm2emt FACTS.JSON RUNS.TXT OUT.EMT LABEL: a capture from runs in text, for tests.
 * A run is a line "GFN MFN COUNT ORDER PERM TYPE": 0xc0000 0x8000 256 0 rwx WB!
 * MFN "-" and TYPE "-": no frame (emulated MMIO). '#' begins a remark.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/facts_json.h"
#include "policy/box.h"

static void die(const char *what, const struct emt_err *err)
{
	fprintf(stderr, "kvm2emt: %s: %s %s\n", what, err ? err->subject : "", err ? err->text : "");
	exit(2);
}

static int read_run(char *line, struct emt_run *r)
{
	char gfn[32], mfn[32], perm[8], type[8];
	unsigned long long count;
	unsigned int order;
	int out;

	line[strcspn(line, "#\n")] = '\0';
	if (!line[strspn(line, " \t")])
		return 0;
	if (sscanf(line, "%31s %31s %llu %u %7s %7s", gfn, mfn, &count, &order, perm, type) != 6)
		return -1;
	*r = (struct emt_run){ .count = count, .order = (uint8_t)order, .mfn = EMT_NO_FRAME, .access = 0xff,
			       .p2mt = EMT_P2M_UNKNOWN };
	if (emt_parse_u64(gfn, &r->gfn) || (strcmp(mfn, "-") && emt_parse_u64(mfn, &r->mfn)))
		return -1;
	r->perm = (uint8_t)((perm[0] == 'r' ? EMT_R : 0) | (perm[1] == 'w' ? EMT_W : 0) | (perm[2] == 'x' ? EMT_X : 0));
	if (!strcmp(type, "-")) {
		r->flags = EMT_RUN_NO_TYPE;
		return 1;
	}
	out = emt_outcome_parse(type);
	if (out < 0 || out >= EMT_OUT_SPLIT)
		return -1;
	r->emt = (uint8_t)(out / 2);
	r->ipat = (uint8_t)(out % 2);
	return 1;
}

int main(int argc, char **argv)
{
	struct emt_capture_opts opts = { .tool = "kvm2emt", .source = "runs in text" };
	struct emt_capture_writer *w;
	struct emt_loss loss = { 0 };
	struct emt_err err = { 0 };
	struct emt_facts facts;
	char json[65536], line[200];
	unsigned int nr = 0;
	size_t n;
	FILE *f;

	if (argc != 5)
		die("usage: kvm2emt FACTS.JSON RUNS.TXT OUT.EMT LABEL", NULL);
	f = fopen(argv[1], "r");
	if (!f)
		die(argv[1], NULL);
	n = fread(json, 1, sizeof(json), f);
	fclose(f);
	emt_facts_init(&facts);
	if (emt_facts_from_text(&facts, json, n, "facts file", argv[1], &err))
		die("facts", &err);
	if (emt_capture_create(&w, argv[3], &opts, &err) || emt_capture_walk_begin(w, &facts, 0, argv[4], &err))
		die("capture", &err);
	f = fopen(argv[2], "r");
	if (!f)
		die(argv[2], NULL);
	while (fgets(line, sizeof(line), f)) {
		struct emt_run run;
		int rc = read_run(line, &run);

		nr++;
		if (rc < 0) {
			fprintf(stderr, "kvm2emt: %s: line %u is no run\n", argv[2], nr);
			return 2;
		}
		if (rc && emt_capture_put(w, &run, &err))
			die("run", &err);
	}
	fclose(f);
	if (emt_capture_walk_end(w, &loss, &err) || emt_capture_close(w, &err))
		die("capture", &err);
	emt_facts_free(&facts);
	return 0;
}
