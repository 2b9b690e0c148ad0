/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emtctl: words, lines or a keyboard to commands; their data to standard output, all
 * else to standard error.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static void run_lines(struct cli *c, const struct cli_options *o, const char *const *words, size_t n)
{
	char name[32];

	for (size_t i = 0; i < o->nr_commands && !c->quit && !(c->stop && !c->keep_going); i++) {
		snprintf(name, sizeof(name), o->nr_commands > 1 ? "-c (%zu)" : "-c", i + 1);
		script_text(c, name, o->commands[i]);
	}
	if (o->file && !c->quit && !(c->stop && !c->keep_going))
		script_file(c, o->file, words, n);
}

/* Lines from standard input; none at all is a call without words. */
static void run_input(struct cli *c)
{
	int first = getc(stdin);

	if (first == EOF) {
		cli_run_words(c, NULL, 0);
		return;
	}
	ungetc(first, stdin);
	script_file(c, "-", NULL, 0);
}

int main(int argc, char **argv)
{
	struct cli c = { .argv = (const char *const *)argv, .argc = (size_t)argc };
	const char *const *words = c.argv + (argc > 0);
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	struct emt_result res = { .exit_status = EMT_EXIT_ERROR };
	struct cli_options o = { .file = NULL };

	setlocale(LC_ALL, "");
	if (n && !strcmp(words[0], "complete"))
		return cli_complete(words + 1, n - 1);
	cli_signals(false);
	if (cli_options(&o, &c, words, n, &res.err)) {
		report_result(&res, NULL);
		c.status = EMT_EXIT_ERROR;
	} else if (o.nr_commands || o.file) {
		if (!o.file && n > o.used) {
			emt_err_set(&res.err, EMT_E_USAGE, words[o.used], NULL, "does not go with -c");
			report_result(&res, NULL);
			c.status = EMT_EXIT_ERROR;
		} else {
			run_lines(&c, &o, words + o.used, n - o.used);
		}
	} else if (n > o.used) {
		cli_run_words(&c, words + o.used, n - o.used);
	} else if (isatty(STDIN_FILENO) && (isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))) {
		repl(&c);
	} else {
		run_input(&c);
	}
	emt_session_free(&c.session);
	free(o.commands);
	return (int)c.status;
}
