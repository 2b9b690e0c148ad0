/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emtctl around the commands: signals, standard output and error, lines from argv,
 * files and the keyboard.
 */
#ifndef EMT_CLI_CLI_H
#define EMT_CLI_CLI_H

#include <histedit.h>
#include <sys/types.h>
#include <wchar.h>

#include "command/execute.h"
#include "command/line.h"

#define CLI_TOOL "emtctl"

/* ---- signals.c ---- */

extern volatile sig_atomic_t cli_cancel;     /* enum emt_cancel of the running command */
extern volatile sig_atomic_t cli_terminated; /* SIGTERM or SIGHUP: leave */
/* 'patient': a second Ctrl-C does not end the program (REPL). */
void cli_signals(bool patient);
/* Before a command: nothing stops it yet. */
void cli_signals_reset(void);
/* Stop the command after 'ms'; 0 = no limit any more. */
void cli_signals_timeout(uint64_t ms);
uint64_t cli_now_ms(void);               /* monotonic */

/* ---- outlet.c: where data goes ---- */

struct outlet {
	int fd;
	pid_t child;          /* pager or shell command that reads it; 0 = none */
	bool wants_pager;     /* start one at the first byte */
	bool written;         /* something went out */
	bool terminal;        /* data goes to the terminal, through a pager or not */
};

/* Data of the next command to where 'line' says (NULL: standard output). */
int outlet_open(struct outlet *o, const struct emt_line *line, struct emt_err *err);
/* 0 or an errno. */
int outlet_write(struct outlet *o, const char *data, size_t len);
void outlet_close(struct outlet *o);
bool outlet_colour(const struct outlet *o);
unsigned int outlet_width(const struct outlet *o); /* 0 = not a terminal */

/* ---- progress.c: a line on a terminal's standard error ---- */

struct progress {
	uint64_t began, drawn; /* milliseconds, monotonic */
	bool on;               /* standard error is a terminal */
	bool shown;            /* a line stands there now */
};

void progress_begin(struct progress *p);
void progress_update(struct progress *p, const char *what, uint64_t done, uint64_t total);
void progress_clear(struct progress *p);

/* ---- report.c: standard error ---- */

/* Where a line came from. */
struct place {
	const char *name;      /* file; NULL: typed at a prompt or given as words */
	unsigned long first;   /* number of the first line of 'text' */
	const char *text;      /* all lines of the command */
	size_t len;
	const struct emt_line *line; /* as parsed; NULL if it could not be */
};

void report_note(const char *text);
/* The error in 'res', with the line and a caret where 'at' knows them. */
void report_result(const struct emt_result *res, const struct place *at);
/* An error of the line itself; column is the byte in text. */
void report_line_error(const struct emt_err *err, const struct place *at);
/* `expect` in a script: it is not so. */
void report_unmet(const struct place *at);

/* ---- run.c ---- */

struct cli {
	struct emt_session session;
	struct outlet out;
	struct progress progress;
	const char *const *argv;
	size_t argc;
	bool interactive;      /* a REPL */
	bool no_pager;         /* --no-pager before the command or the script */
	bool keep_going, echo;
	uint64_t deadline;     /* of everything, in cli_now_ms(); 0 = none */
	bool quit;             /* quit, exit */
	bool stop;             /* a line failed: a script ends */
	enum emt_exit status;  /* gravest so far */
};

/* Words of argv. */
void cli_run_words(struct cli *c, const char *const *words, size_t n);
/* One parsed line of a script or a REPL. */
void cli_run_line(struct cli *c, const struct place *at);
/* Fold in another exit status: an error, then findings, then incomplete. */
void cli_status(struct cli *c, enum emt_exit status);

/* ---- remote.c ---- */

/* Ask an emtd, if the command is for one and one listens; see emt_env.delegate. Data
 * goes to 'out'. */
int cli_delegate(struct cli *c, int (*out)(void *arg, const char *data, size_t len), const struct emt_parse *p,
		 const char *const *words, size_t n, int *exit_status, struct emt_err *err);

/* What an emtd answers to a command that reads; see emt_env.ask. */
char *cli_ask(void *arg, const char *const *words, size_t n);

/* ---- script.c ---- */

/* Lines of a file ("-" = standard input), with its arguments. */
void script_file(struct cli *c, const char *path, const char *const *params, size_t n);
void script_text(struct cli *c, const char *name, const char *text);

/* ---- repl.c, history.c ---- */

void repl(struct cli *c);
/* File of the history; false when none is to be kept. */
bool history_path(char *out, size_t room);
int history_size(void);
/* The folder of 'path' is there; the file is the user's alone. */
void history_prepare(const char *path);

/* ---- keys.c ---- */

/* Reader of libedit (EL_GETCFN): 1 = a character in *out, 0 = end, -1 = a signal that
 * ends the line (cli_cancel, cli_terminated) or an error (errno). Handles a resized
 * and a resumed terminal itself. */
int keys_get(EditLine *el, wchar_t *out);

/* ---- complete.c: the hidden `emtctl complete -- WORDS` ---- */

int cli_complete(const char *const *words, size_t n);

/* ---- options.c ---- */

struct cli_options {
	const char **commands; /* -c, owned array */
	size_t nr_commands;
	const char *file;      /* -f */
	size_t used;           /* words of argv that were options of the program */
};

/* Options before the command. 0, or an error in 'err'; those that are no business of
 * the program are left to the command. */
int cli_options(struct cli_options *o, struct cli *c, const char *const *words, size_t n, struct emt_err *err);

#endif
