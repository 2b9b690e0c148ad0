/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hidden `emtctl complete -- WORDS...`: candidates for the last word, one a line,
 * with what they are behind a tab. Shells call it; it never complains.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "command/complete.h"

static bool printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

int cli_complete(const char *const *words, size_t n)
{
	static const char *const nothing[] = { "" };
	struct emt_candidates list;

	if (n && !strcmp(words[0], "--")) {
		words++;
		n--;
	}
	if (!n) {
		words = nothing;
		n = 1;
	}
	emt_complete(&list, words, n, NULL);
	for (size_t i = 0; i < list.n; i++)
		if (printable(list.v[i].value))
			printf("%s\t%s\n", list.v[i].value, list.v[i].help ? list.v[i].help : "");
	emt_candidates_free(&list);
	return EMT_EXIT_CLEAN;
}
