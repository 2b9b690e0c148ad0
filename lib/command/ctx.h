/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handler gets and gives. Internal to lib/command.
 */
#ifndef EMT_COMMAND_CTX_H
#define EMT_COMMAND_CTX_H

#include "audit/findings.h"
#include "audit/map.h"
#include "command/commands.h"
#include "command/execute.h"

struct emt_ctx {
	const struct emt_env *env;
	const struct emt_parse *args;
	const struct emt_command *topic; /* help: the command asked about; NULL = the words say */
	struct emt_out *out;
	struct emt_err *err;
	/* set by handlers */
	bool findings;    /* exit status 1 */
	bool incomplete;  /* exit status 3, "complete": false */
	bool unmet;       /* expect: it is not so */
};

/* A line for people, on standard error. */
void emt_ctx_note(struct emt_ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* EMT_E_CANCELLED once the user stopped it; to be asked in long loops. */
int emt_ctx_cancelled(struct emt_ctx *ctx);
/* The same, and says how far it is: 'done' of 'total' (0 = not known). */
int emt_ctx_step(struct emt_ctx *ctx, uint64_t done, uint64_t total);

/* Open the positional 'source' with --domain, --generation, --salvage applied, and
 * tell the output. An error if it selects no walk. */
int emt_ctx_open(struct emt_ctx *ctx, struct emt_source **out);
/* Open the source, and give 'one' each walk of it until an error. 'one' sets *any when
 * the walk could be looked at; an error that says 'none' and 'next' when that was so of
 * no walk. 'page': the option that writes a page, which shows one walk only; NULL. */
struct emt_each_walk {
	int (*one)(void *arg, struct emt_source *s, size_t i, bool *any);
	void *arg;
	const char *none, *next, *page;
};
#define EMT_NO_RELEASE .none = "no domain's release is known", .next = "--release names one"
#define EMT_NO_COMPARISON .none = "no domain could be compared", .next = "emtctl facts shows what is known"
#define EMT_NO_GUEST_TABLES .none = "no domain shows its page tables", .next = "--domain names one"
int emt_ctx_each_walk(struct emt_ctx *ctx, const struct emt_each_walk *w);
/* Facts of one walk to judge it by: derived ones, and p2m types that were asked for. Free
 * in any case. */
int emt_ctx_facts(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *facts);
/* Facts and engine of one walk; --release applied. Free both in any case. */
int emt_ctx_engine(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *facts,
		   struct emt_engine **e);
/* Ask a live hypervisor for the p2m types that decide verdicts and put them into 'f', the
 * walk's facts. Nothing happens where nobody can be asked. */
int emt_ctx_ask_types(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *f);
/* True when the error of one walk need not end a command that has others: its
 * release is not known, or it has no memory types. It is noted and cleared. */
bool emt_ctx_skip(struct emt_ctx *ctx, const struct emt_source_walk *walk, size_t walks);
/* All runs of a walk to 'cb', with progress; stops when it returns non-zero or the user
 * stops it. 'loss' is filled once the stream was opened. */
int emt_ctx_runs(struct emt_ctx *ctx, struct emt_source *s, size_t walk,
		 int (*cb)(const struct emt_run *run, void *arg), void *arg, struct emt_loss *loss);
/* Judge every entry of a walk, tables page by page, with progress as above. '*f' is
 * the caller's to free, NULL on error. */
int emt_ctx_findings(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e,
		     struct emt_findings **f, struct emt_loss *loss);
/* Judge every run of a walk into a map of the caller's as well. '*f' is the caller's to
 * free, NULL on error. */
int emt_ctx_map(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e, struct emt_map *m,
		struct emt_findings **f, struct emt_loss *loss);
/* The release that judges a walk: --release, else the facts'. EMT_E_MISSING when neither
 * tells. */
int emt_ctx_release(struct emt_ctx *ctx, const struct emt_facts *facts, struct emt_release *rel);
/* The same where it is no error that nobody knows: into 'err', which may be NULL. */
int emt_ctx_release_of(const struct emt_ctx *ctx, const struct emt_facts *facts, struct emt_release *rel,
		       struct emt_err *err);
/* The source as the user wrote it. */
const char *emt_ctx_source_text(const struct emt_ctx *ctx);
/* Advice names "SOURCE": the same with what the user called it; 'text' or 'out'. */
const char *emt_ctx_advice(const struct emt_ctx *ctx, const char *text, char *out, size_t room);

#endif
