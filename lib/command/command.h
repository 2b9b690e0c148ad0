/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE table of commands. A command is declared once; from that come parsing with
 * its errors, help, completion, synopses, the shape of the reply and the right it
 * needs. A handler gets parsed values and puts records; it never formats.
 */
#ifndef EMT_COMMAND_COMMAND_H
#define EMT_COMMAND_COMMAND_H

#include "output/output.h"

enum emt_argtype {
	EMT_ARG_FLAG,      /* an option without a value */
	EMT_ARG_SOURCE,    /* capture, domain, process, memory image: struct emt_source_spec */
	EMT_ARG_DOMAIN,    /* domain id */
	EMT_ARG_GFN,       /* a frame, decimal or 0x hex */
	EMT_ARG_GFN_RANGE, /* FIRST-LAST, FIRST+COUNT, or one frame */
	EMT_ARG_ADDRESS,   /* an address, decimal or 0x hex */
	EMT_ARG_ADDRESS_RANGE, /* FIRST-LAST, FIRST+BYTES, or one address */
	EMT_ARG_RELEASE,   /* hypervisor release */
	EMT_ARG_FILE,      /* a file that is read */
	EMT_ARG_OUTFILE,   /* a file that is written */
	EMT_ARG_COLUMNS,   /* list of columns of the main record kind */
	EMT_ARG_FILTER,    /* filter expression over them */
	EMT_ARG_DURATION,  /* 250ms, 10s, 5m, 1h */
	EMT_ARG_TIME,      /* RFC 3339, or seconds since 1970 */
	EMT_ARG_ENUM,      /* one of 'words' */
	EMT_ARG_LEVEL,     /* severity */
	EMT_ARG_NUMBER,
	EMT_ARG_TEXT,
	EMT_ARG_COMMAND,   /* words of a command's name */
	EMT_ARG_LINE,      /* a command with all that follows it; positional, the last */
	EMT_ARG_NR,
};

enum emt_argflags {
	EMT_ARGF_REQUIRED = 1 << 0,
	EMT_ARGF_REPEAT = 1 << 1,     /* may be given more than once; as positional: the last */
	EMT_ARGF_POSITIONAL = 1 << 2,
};

struct emt_arg;
struct emt_command;
struct emt_parse;
struct emt_session;

/* A completion in progress; 'add' is called for each value that fits 'prefix'. A
 * completer never prints. */
struct emt_completion {
	const struct emt_arg *arg;
	const char *prefix;
	const char *source;   /* the source named so far on the line, or the session's, or NULL */
	const struct emt_command *cmd;   /* NULL: none named yet */
	const struct emt_parse *given;   /* the words before; never NULL */
	const struct emt_session *session; /* may be NULL */
	/* A value that ends in '/', ',', '=' or ':' goes on. 'help' may be NULL. */
	void (*add)(struct emt_completion *c, const char *value, const char *help);
	void *user;
};
typedef void (*emt_completer)(struct emt_completion *c);

struct emt_arg {
	const char *name;          /* "fail-on" of --fail-on; "gfn" of a positional */
	enum emt_argtype type;
	unsigned int flags;        /* enum emt_argflags */
	char letter;               /* short option, 0 = none */
	const char *metavar;       /* "LEVEL" in synopses; NULL for flags */
	const char *help;          /* one line, no full stop */
	const char *fallback;      /* value when not given, as text for help; NULL */
	const char *const *words;  /* EMT_ARG_ENUM: NULL-terminated */
	emt_completer complete;    /* beyond what the type offers; NULL */
	const char *since;         /* NULL = the command's first */
};

/* Options shared by many commands are declared once, in groups. */
struct emt_arg_group {
	const char *title;         /* heading in help */
	const struct emt_arg *args;
	unsigned int nr;
};

enum emt_right {
	EMT_RIGHT_READ,    /* reads files, or what any user may ask */
	EMT_RIGHT_HOST,    /* reads the host: root, or the full socket of emtd */
	EMT_RIGHT_CHANGE,  /* changes the host */
};

enum emt_cost { EMT_COST_FREE, EMT_COST_COSTS };

struct emt_example {
	const char *line;  /* without "emtctl " */
	const char *says;  /* what it does, one line */
};

struct emt_ctx;
typedef int (*emt_handler)(struct emt_ctx *ctx);

#define EMT_COMMAND_GROUPS 4

struct emt_command {
	const char *name;          /* one or two words */
	const char *group;         /* heading in the list of commands */
	const char *summary;       /* one line, no full stop */
	const char *description;   /* paragraphs, for help and the manual */
	const struct emt_arg *args;
	unsigned int nr_args;
	const struct emt_arg_group *groups[EMT_COMMAND_GROUPS]; /* NULL-terminated if fewer */
	const struct emt_reply *reply;
	enum emt_right right;
	enum emt_cost cost;
	bool types;                /* about memory types: nothing to say of a PV domain, which has none */
	bool feed;                 /* about what emtd knows: it runs nowhere else; see feed.h */
	const struct emt_example *examples;
	unsigned int nr_examples;
	const char *since;
	emt_handler run;
};

extern const struct emt_command *const emt_commands[];
extern const unsigned int emt_nr_commands;

/* Groups; see args.c. */
extern const struct emt_arg_group emt_args_output; /* of every command */
extern const struct emt_arg_group emt_args_source; /* of commands that open a source */
extern const struct emt_arg_group emt_args_program; /* of emtctl itself, before a command */
extern const struct emt_arg_group emt_args_level;  /* of commands whose findings decide the exit status */

const struct emt_command *emt_command_find(const char *name);

/* The i-th argument of a command, its own first, then those of its groups; NULL
 * past the end. */
const struct emt_arg *emt_command_arg(const struct emt_command *cmd, unsigned int i);

/* True when the command has these options. */
bool emt_command_has(const struct emt_command *cmd, const struct emt_arg_group *group);

/* "capture show FILE", as in SYNOPSIS; returns 'out'. */
char *emt_command_synopsis(const struct emt_command *cmd, char *out, size_t room);
/* "-o, --columns LIST" or "GFN"; returns 'out'. */
char *emt_arg_synopsis(const struct emt_arg *arg, char *out, size_t room);

const char *emt_argtype_name(unsigned int type); /* "gfn_range" */
const char *emt_argtype_help(unsigned int type); /* what such a value looks like */
const char *emt_right_name(unsigned int right);  /* "read", "host", "change" */
const char *emt_cost_name(unsigned int cost);    /* "free", "costs" */

/* The main section of a reply. */
const struct emt_section *emt_reply_main(const struct emt_reply *reply);

/* What is wrong with the table, or NULL; the base of `emtctl self-test`. */
const char *emt_command_check(char *why, size_t room);

#endif
