/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One command: its output, its time, its errors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "record.h"

static int write_out(void *arg, const char *data, size_t len)
{
	struct cli *c = arg;

	progress_clear(&c->progress);
	record_data(data, len);
	/* Lines on the terminal are progress enough. */
	if (c->out.terminal)
		c->progress.on = false;
	return outlet_write(&c->out, data, len);
}

static void note(void *arg, const char *text)
{
	struct cli *c = arg;

	progress_clear(&c->progress);
	report_note(text);
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct cli *c = arg;

	progress_update(&c->progress, what, done, total);
}

static void start(void *arg, const struct emt_parse *p)
{
	struct cli *c = arg;
	const char *pager = emt_session_get(&c->session, "pager");
	uint64_t limit = emt_parse_number(p, "timeout", 0), now = cli_now_ms();

	c->out.wants_pager = c->out.terminal && !c->no_pager && !emt_parse_flag(p, "no-pager") &&
			     !(pager && !strcmp(pager, "no"));
	if (emt_parse_flag(p, "timeout") && !limit)
		cli_cancel = EMT_CANCEL_TIMEOUT;
	if (c->deadline && c->deadline <= now)
		cli_cancel = EMT_CANCEL_TIMEOUT;
	else if (c->deadline && (!limit || c->deadline - now < limit))
		limit = c->deadline - now;
	if (limit && !cli_cancel)
		cli_signals_timeout(limit);
}

static int delegate(void *arg, const struct emt_parse *p, const char *const *words, size_t n, int *exit_status,
		    struct emt_err *err)
{
	return cli_delegate(arg, write_out, p, words, n, exit_status, err);
}

static struct emt_env make_env(struct cli *c)
{
	static const int input = STDIN_FILENO;
	const char *fed = getenv("EMTCTL_FEED");

	return (struct emt_env){
		.write = write_out, .note = note, .arg = c, .colour = outlet_colour(&c->out),
		.width = outlet_width(&c->out), .tool = CLI_TOOL, .argv = c->argv, .argc = c->argc,
		.now = (int64_t)time(NULL), .cancel = &cli_cancel, .session = &c->session,
		.start = start, .progress = progress, .delegate = delegate,
		.ask = cli_ask, .feed = fed && *fed ? &input : NULL,
	};
}

void cli_status(struct cli *c, enum emt_exit status)
{
	static const int weight[] = { [EMT_EXIT_CLEAN] = 0, [EMT_EXIT_INCOMPLETE] = 1,
				      [EMT_EXIT_FINDINGS] = 2, [EMT_EXIT_ERROR] = 3 };

	if (weight[status] > weight[c->status])
		c->status = status;
}

static void run(struct cli *c, const char *const *words, size_t n, const struct place *at)
{
	struct emt_result res;
	struct emt_env env;

	cli_signals_reset();
	progress_begin(&c->progress);
	env = make_env(c);
	record_begin(&env, words, n);
	emt_execute(&env, words, n, &res);
	record_end(&res);
	cli_signals_timeout(0);
	progress_clear(&c->progress);
	outlet_close(&c->out);
	/* A reader that had enough (head, a pager) needs no telling. */
	if (res.err.code && res.write_errno == EPIPE && c->interactive)
		res.exit_status = EMT_EXIT_CLEAN;
	else if (res.err.code && res.write_errno != EPIPE)
		report_result(&res, at);
	else if (res.unmet && at && at->name)
		report_unmet(at);
	c->stop = res.err.code || res.unmet;
	cli_status(c, res.exit_status);
	emt_result_free(&res);
}

void cli_run_words(struct cli *c, const char *const *words, size_t n)
{
	struct emt_err err = { 0 };

	outlet_open(&c->out, NULL, &err);
	run(c, words, n, NULL);
}

void cli_run_line(struct cli *c, const struct place *at)
{
	static const char *const help[] = { "help" };
	const struct emt_line *l = at->line;
	struct emt_result res = { .exit_status = EMT_EXIT_ERROR };

	c->stop = false;
	if (!l->nr) {
		if (!l->redirect)
			return;
		emt_err_set(&res.err, EMT_E_USAGE, "line", NULL, "there is no command whose output goes there");
		report_line_error(&res.err, at);
		c->stop = true;
		cli_status(c, EMT_EXIT_ERROR);
		return;
	}
	if (l->nr == 1 && (!strcmp(l->text[0], "quit") || !strcmp(l->text[0], "exit"))) {
		c->quit = true;
		return;
	}
	if (outlet_open(&c->out, l, &res.err)) {
		res.word = l->nr;
		report_result(&res, at);
		c->stop = true;
		cli_status(c, EMT_EXIT_ERROR);
		return;
	}
	if (!strcmp(l->text[0], "?") && l->nr == 1)
		run(c, help, 1, at);
	else
		run(c, l->text, l->nr, at);
}
