/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filter expressions: no crash; an error points into the text; what compiles can be
 * asked about records with and without values, and answers the same twice.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "command/kind_run.h"
#include "output/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct emt_rec *full, *empty;
	struct emt_err err = { 0 };
	struct emt_filter *f;
	char *text;

	if (!full) {
		struct emt_piece p = { .run = { .gfn = 0xf0000,
						.mfn = 0x80000,
						.count = 16,
						.raw = 7,
						.flags = EMT_RUN_RAW,
						.perm = 3,
						.emt = EMT_MT_UC,
						.p2mt = EMT_P2M_MMIO_DIRECT,
						.access = 7 },
				       .verdict = EMT_V_MISMATCH,
				       .expected = EMT_OUT_BIT(EMT_MT_WB, 1),
				       .defects = 5,
				       .facts = 3,
				       .types = 0x21 };

		full = emt_rec_new(&emt_kind_run);
		empty = emt_rec_new(&emt_kind_run);
		if (!full || !empty)
			abort();
		emt_fill_run(full, &p, 1, true);
		if (emt_rec_check(full, NULL))
			abort();
	}
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (emt_filter_new(&f, &emt_kind_run, text, "--where", &err)) {
		if (!err.code || f)
			abort();
		if (err.code == EMT_E_USAGE && (!err.column || err.column > strlen(text) + 1))
			abort();
	} else {
		if (emt_filter_match(f, full) != emt_filter_match(f, full))
			abort();
		emt_filter_match(f, empty);
		emt_filter_free(f);
	}
	free(text);
	return 0;
}
