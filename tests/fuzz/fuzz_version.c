/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Version strings: no crash; what is taken has rules and a text that is taken again
 * and means the same; what is refused names something.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/defect.h"
#include "policy/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, bool kvm)
{
	struct emt_release r, again;
	struct emt_err err = { 0 };

	if (emt_release_parse(&r, text, kvm, &err)) {
		if (!err.code || !*err.text)
			abort();
		return;
	}
	if (!r.era || !r.era->nr_rules || !memchr(r.text, '\0', sizeof(r.text)))
		abort();
	emt_defects_of(&r);
	memset(&err, 0, sizeof(err));
	if (emt_release_parse(&again, r.text, kvm, &err) || again.era != r.era || again.version != r.version)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check(text, false);
	check(text, true);
	free(text);
	return 0;
}
