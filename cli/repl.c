/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines from the keyboard: libedit, history, completion.
 */
#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "cli.h"
#include "command/complete.h"

#define ESCAPE '\1'       /* encloses what takes no room in a prompt */
#define MAX_LISTED 400

struct repl {
	struct cli *c;
	FILE *tty;
	EditLine *el;
	History *history;
	char path[PATH_MAX];    /* of the history; empty = none */
	char *text;             /* the command as far as it was typed; owned */
	size_t len;
	struct emt_line_opts opts;
	char prompt[200];
};

static char *prompt(EditLine *el)
{
	struct repl *r = NULL;
	const struct emt_session *s;
	const char *base, *on = "", *off = "", *no = getenv("NO_COLOR");
	char domain[100] = "";

	el_get(el, EL_CLIENTDATA, &r);
	s = &r->c->session;
	if (r->len) {
		snprintf(r->prompt, sizeof(r->prompt), "...> ");
		return r->prompt;
	}
	if (!(no && *no)) {
		on = "\1\033[1m\1";
		off = "\1\033[0m\1";
	}
	base = s->source ? strrchr(s->source, '/') : NULL;
	base = base ? base + 1 : s->source ? s->source : CLI_TOOL;
	if (s->source && s->domain)
		snprintf(domain, sizeof(domain), " %s", s->domain);
	if (s->source && s->name)
		snprintf(domain + strlen(domain), sizeof(domain) - strlen(domain), " (%.60s)", s->name);
	snprintf(r->prompt, sizeof(r->prompt), "%s%.60s%s%s> ", on, base, domain, off);
	/* Names come from guests and files. */
	for (char *p = r->prompt; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != ESCAPE && *p != '\033')
			*p = '?';
	return r->prompt;
}

/* ---- completion ---- */

struct place_in_line {
	struct emt_line line;
	char *text;             /* up to the cursor; owned */
	size_t len, start;      /* start: of the word that is completed */
	char quote;
	struct emt_candidates list;
};

static void place_free(struct place_in_line *p)
{
	emt_candidates_free(&p->list);
	emt_line_free(&p->line);
	free(p->text);
}

/* What may stand at the cursor; false inside of a shell command. */
static bool look(struct repl *r, struct place_in_line *p)
{
	static const char *const leave[] = { "quit", "exit" };
	const LineInfo *li = el_line(r->el);
	size_t typed = (size_t)(li->cursor - li->buffer), n;
	struct emt_err err = { 0 };
	const char **words;

	memset(p, 0, sizeof(*p));
	p->len = r->len + typed;
	p->text = malloc(p->len + 1);
	if (!p->text)
		return false;
	memcpy(p->text, r->len ? r->text : "", r->len);
	memcpy(p->text + r->len, li->buffer, typed);
	p->text[p->len] = '\0';
	emt_line_parse(&p->line, p->text, p->len, &r->opts, &err);
	n = p->line.nr; /* NOLINT(clang-analyzer-unix.Malloc): place_free() */
	p->start = p->len;
	p->quote = p->line.quote;
	if (p->line.redirect == EMT_REDIRECT_PIPE || p->line.used < p->len)
		return false;
	words = calloc(n + 2, sizeof(*words));
	if (!words)
		return false;
	memcpy(words, p->line.text, n * sizeof(*words));
	if (p->line.in_target) {
		p->start = p->line.target_at;
		/* A file's name, whatever command stands before. */
		words[0] = "-f";
		words[1] = p->line.target ? p->line.target : "";
		emt_complete(&p->list, words, 2, NULL);
		free(words);
		return true;
	}
	if (p->line.in_word && n) {
		p->start = p->line.words[n - 1].start;
		n--;
	} else {
		words[n] = "";
	}
	emt_complete(&p->list, words, n + 1, &r->c->session);
	for (size_t i = 0; !n && i < EMT_ARRAY_SIZE(leave); i++)
		if (!strncmp(leave[i], words[0], strlen(words[0])))
			emt_candidates_add(&p->list, leave[i], "leave");
	free(words);
	return true;
}

static unsigned int width(void)
{
	struct outlet o = { .terminal = true };

	return outlet_width(&o);
}

/* Only the last part of a list or a path is of interest. */
static const char *tail(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = len > 1 ? len - 1 : 0; i > 0; i--)
		if (value[i - 1] == '/' || value[i - 1] == ',')
			return value + i;
	return value;
}

static void list(struct repl *r, const struct place_in_line *p, bool always_help)
{
	size_t longest = 1, n = p->list.n < MAX_LISTED ? p->list.n : MAX_LISTED, per_line;
	bool help = false;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(tail(p->list.v[i].value));

		longest = len > longest ? len : longest;
		help |= p->list.v[i].help != NULL;
	}
	help &= always_help || n <= 40;
	per_line = help || width() < longest + 4 ? 1 : width() / (longest + 2);
	fputc('\n', r->tty);
	for (size_t i = 0; i < n; i++) {
		const struct emt_candidate *v = &p->list.v[i];
		int room = (int)width() - (int)longest - 5;

		if (help)
			fprintf(r->tty, "  %-*s  %.*s\n", (int)longest, tail(v->value), room > 0 ? room : 0,
				v->help ? v->help : "");
		else
			fprintf(r->tty, "%-*s%s", (int)longest, tail(v->value),
				(i + 1) % per_line && i + 1 < n ? "  " : "\n");
	}
	if (n < p->list.n)
		fprintf(r->tty, "  and %zu more\n", p->list.n - n);
	fflush(r->tty);
}

/* Characters, as libedit counts them, of text[from..to). */
static int characters(const char *text, size_t from, size_t to)
{
	mbstate_t state = { 0 };
	int n = 0;

	while (from < to) {
		size_t len = mbrlen(text + from, to - from, &state);

		if (len == (size_t)-1 || len == (size_t)-2 || !len) {
			memset(&state, 0, sizeof(state));
			len = 1;
		}
		from += len;
		n++;
	}
	return n;
}

static bool goes_on(const char *value)
{
	size_t len = strlen(value);

	return len && strchr("/,=:", value[len - 1]);
}

/* Put 'value' in the place of the word that was begun. */
static int replace(struct repl *r, const struct place_in_line *p, const char *value, bool whole)
{
	char out[4096];
	size_t at = 0;

	/* A word that began on an earlier line stays as it is. */
	if (p->start < r->len)
		return CC_ERROR;
	if (p->quote && p->text[p->start] == p->quote)
		out[at++] = p->quote;
	emt_line_quote(value, at ? p->quote : 0, out + at, sizeof(out) - at - 2);
	if (whole && !p->quote && !goes_on(value))
		strcat(out, " ");
	el_deletestr(r->el, characters(p->text, p->start, p->len));
	return el_insertstr(r->el, out) ? CC_ERROR : CC_REFRESH;
}

static unsigned char complete(EditLine *el, int ch)
{
	struct place_in_line p;
	struct repl *r = NULL;
	int rc = CC_ERROR;
	size_t have;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &r);
	if (look(r, &p) && p.list.n) {
		have = p.line.in_word && p.line.nr ? strlen(p.line.text[p.line.nr - 1]) : 0;
		if (p.line.in_target)
			have = p.line.target ? strlen(p.line.target) : 0;
		if (p.list.n == 1) {
			rc = replace(r, &p, p.list.v[0].value, true);
		} else if (p.list.common > have) {
			char common[4096];

			snprintf(common, sizeof(common), "%.*s", (int)p.list.common, p.list.v[0].value);
			rc = replace(r, &p, common, false);
		} else {
			list(r, &p, false);
			rc = CC_REDISPLAY;
		}
	}
	place_free(&p);
	return (unsigned char)rc;
}

/* '?': what is valid here; an ordinary character inside of a text. */
static unsigned char valid_here(EditLine *el, int ch)
{
	struct place_in_line p;
	struct repl *r = NULL;
	char synopsis[300];
	int rc = CC_REFRESH;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &r);
	if (!look(r, &p) || p.quote || p.line.redirect) {
		rc = el_insertstr(el, "?") ? CC_ERROR : CC_REFRESH;
	} else {
		if (p.list.cmd)
			fprintf(r->tty, "\nusage: %s [OPTIONS]",
				emt_command_synopsis(p.list.cmd, synopsis, sizeof(synopsis)));
		if (!p.list.n)
			fprintf(r->tty, "\n%s\n", p.list.cmd ? "" : "nothing is known of what may stand here");
		else
			list(r, &p, true);
		fflush(r->tty);
		rc = CC_REDISPLAY;
	}
	place_free(&p);
	return (unsigned char)rc;
}

/* ---- history ---- */

static void load_history(struct repl *r)
{
	HistEvent ev;
	int size = history_size();

	r->history = history_init();
	if (!r->history)
		return;
	history(r->history, &ev, H_SETSIZE, size > 0 ? size : 1);
	history(r->history, &ev, H_SETUNIQUE, 1);
	el_set(r->el, EL_HIST, history, r->history);
	if (!size || !history_path(r->path, sizeof(r->path))) {
		r->path[0] = '\0';
		return;
	}
	history_prepare(r->path);
	history(r->history, &ev, H_LOAD, r->path);
	/* Lines are appended one by one; a file that is full is cut here. */
	if (!history(r->history, &ev, H_GETSIZE) && ev.num >= size)
		history(r->history, &ev, H_SAVE, r->path);
}

/* At once, so that nothing is lost and two sessions do not overwrite each other. */
static void remember(struct repl *r, const char *line)
{
	History *one;
	HistEvent ev;
	FILE *f;

	if (!r->history)
		return;
	history(r->history, &ev, H_ENTER, line);
	f = *r->path ? fopen(r->path, "ae") : NULL;
	one = f ? history_init() : NULL;
	if (one) {
		/* The file's head is written at its beginning only. */
		fseek(f, 0, SEEK_END);
		history(one, &ev, H_SETSIZE, 1);
		history(one, &ev, H_ENTER, line);
		history(one, &ev, H_SAVE_FP, f);
		history_end(one);
	}
	if (f)
		fclose(f);
}

/* ---- the loop ---- */

static void forget_line(struct repl *r)
{
	free(r->text);
	r->text = NULL;
	r->len = 0;
}

/* Run what was typed, if it is whole. */
static void run(struct repl *r)
{
	struct place at = { NULL, 1, r->text, r->len, NULL };
	struct emt_err err = { 0 };
	struct emt_line line;
	int rc = emt_line_parse(&line, r->text, r->len, &r->opts, &err);
	char *entry;

	at.line = &line;
	if (rc == EMT_E_TRUNCATED) {
		emt_line_free(&line);
		return;
	}
	entry = strndup(r->text, strcspn(r->text, "\n") == r->len - 1 ? r->len - 1 : r->len);
	if (entry && (line.nr || rc))
		remember(r, entry);
	free(entry);
	if (rc)
		report_line_error(&err, &at);
	else
		cli_run_line(r->c, &at);
	/* What a command left behind is no exit status of the session. */
	r->c->status = EMT_EXIT_CLEAN;
	emt_line_free(&line);
	forget_line(r);
}

static void loop(struct repl *r)
{
	while (!r->c->quit && !cli_terminated) {
		const char *line;
		char *text;
		int n = 0;

		cli_signals_reset();
		line = el_gets(r->el, &n);
		if (!line || n <= 0) {
			if (cli_cancel && !cli_terminated) {
				/* Ctrl-C: the line is thrown away. */
				fputs("^C\n", r->tty);
				forget_line(r);
				continue;
			}
			fputc('\n', r->tty);
			return;
		}
		text = realloc(r->text, r->len + (size_t)n + 1);
		if (!text)
			return;
		memcpy(text + r->len, line, (size_t)n);
		r->text = text;
		r->len += (size_t)n;
		text[r->len] = '\0';
		fflush(r->tty);
		run(r);
	}
}

static void bind_keys(struct repl *r)
{
	el_set(r->el, EL_EDITOR, "emacs");
	/* The narrow form would copy the names and never free them. */
	el_wset(r->el, EL_ADDFN, L"emt-complete", L"Complete the word", complete);
	el_wset(r->el, EL_ADDFN, L"emt-valid-here", L"List what is valid here", valid_here);
	el_set(r->el, EL_BIND, "^I", "emt-complete", NULL);
	el_set(r->el, EL_BIND, "?", "emt-valid-here", NULL);
	el_set(r->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	/* ~/.editrc has the last word. */
	el_source(r->el, NULL);
}

void repl(struct cli *c)
{
	struct repl r = { .c = c, .opts = { .home = getenv("HOME") } };

	c->interactive = true;
	/* The prompt never goes into a pipe. */
	r.tty = isatty(STDOUT_FILENO) ? stdout : stderr;
	r.el = el_init(CLI_TOOL, stdin, r.tty, stderr);
	if (!r.el) {
		report_note("the terminal cannot be used");
		c->status = EMT_EXIT_ERROR;
		return;
	}
	cli_signals(true);
	el_set(r.el, EL_CLIENTDATA, &r);
	el_set(r.el, EL_PROMPT_ESC, prompt, ESCAPE);
	el_wset(r.el, EL_GETCFN, keys_get);
	bind_keys(&r);
	load_history(&r);
	loop(&r);
	if (r.history)
		history_end(r.history);
	el_end(r.el);
	free(r.text);
}
