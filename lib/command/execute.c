/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/execute.h"

#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"

static bool colour(const struct emt_env *env, const struct emt_parse *p)
{
	const char *when = emt_parse_text(p, "color");

	return when && !strcmp(when, "always") ? true : when && !strcmp(when, "never") ? false : env->colour;
}

static void fill_opts(struct emt_out_opts *o, const struct emt_env *env, const struct emt_parse *p,
		      const char *const *words, size_t n)
{
	*o = (struct emt_out_opts){
		.format = emt_parse_format(words, n), .record = env->record, .write = env->write, .arg = env->arg,
		.colour = colour(env, p), .width = env->width,
		.columns = emt_parse_text(p, "columns"), .where = emt_parse_text(p, "where"),
		.sort = emt_parse_text(p, "sort"), .limit = emt_parse_number(p, "limit", 0),
		.tool = env->tool, .version = EMT_VERSION, .argv = env->argv, .argc = env->argc,
		.time = env->now,
	};
	if (o->format == EMT_FORMAT_TEXT)
		o->format = emt_session_format(env->session);
}

static enum emt_exit status(const struct emt_ctx *ctx, int rc)
{
	/* Out of time is incomplete, not wrong. */
	if (rc == EMT_E_CANCELLED && ctx->env->cancel && *ctx->env->cancel == EMT_CANCEL_TIMEOUT)
		return EMT_EXIT_INCOMPLETE;
	return rc ? EMT_EXIT_ERROR : ctx->findings ? EMT_EXIT_FINDINGS :
	       ctx->incomplete ? EMT_EXIT_INCOMPLETE : EMT_EXIT_CLEAN;
}

/* The word, and the place in it, that an error is about. */
static void locate(struct emt_result *res, const struct emt_parse *p, const char *const *words, size_t n)
{
	const char *subject = res->err.subject, *text = NULL;
	size_t len = strlen(subject);

	res->word = p->at;
	if (!strncmp(subject, "--", 2))
		text = emt_parse_text(p, subject + 2);
	for (size_t i = 0; text && i < n; i++)
		if (text >= words[i] && text <= words[i] + strlen(words[i])) {
			res->word = i;
			res->byte = (size_t)(text - words[i]);
			/* Columns of errors are characters. */
			for (unsigned int c = 1; c < res->err.column && *text; text++)
				c += ((unsigned char)text[1] & 0xc0) != 0x80;
			res->byte = (size_t)(text - words[i]);
			return;
		}
	/* "capture:guest.emt" of guest.emt, web9 of xen:web9 */
	for (size_t i = n; p->at >= n && i-- && *subject;) {
		size_t have = strlen(words[i]);

		if (have && have <= len && !strcmp(subject + len - have, words[i]))
			res->word = i;
	}
}

void emt_execute(const struct emt_env *env, const char *const *words, size_t n, struct emt_result *res)
{
	struct emt_parse p;
	struct emt_ctx ctx = { .env = env, .args = &p, .err = &res->err };
	struct emt_out_end end = { .err = &res->err };
	struct emt_out_opts opts;
	struct emt_err lost = { 0 };
	int rc;

	memset(res, 0, sizeof(*res));
	rc = emt_parse_words(&p, words, n, env->session, &res->err);
	if (!rc && (p.help || !p.cmd) && !p.version) {
		ctx.topic = p.cmd;
		p.cmd = &emt_cmd_help;
	} else if (!rc && p.version) {
		p.cmd = &emt_cmd_version;
	}
	fill_opts(&opts, env, &p, words, n);
	/* A command without the output group has no such options to fail on. */
	if (rc || !emt_command_has(p.cmd, &emt_args_output))
		opts.columns = opts.where = opts.sort = NULL;
	if (!rc && env->start)
		env->start(env->arg, &p);
	if (!rc && env->delegate) {
		int done = env->delegate(env->arg, &p, words, n, &end.exit_status, &res->err);

		if (done > 0) {
			res->exit_status = (enum emt_exit)end.exit_status;
			emt_parse_free(&p);
			return;
		}
		rc = done;
	}
	if (!rc || p.cmd)
		rc = emt_out_new(&ctx.out, &opts, p.cmd->reply, rc ? &lost : &res->err) ? EMT_E_USAGE : rc;
	else
		emt_out_new(&ctx.out, &opts, NULL, &lost);
	if (!rc && ctx.out)
		rc = p.cmd->run(&ctx);
	if (rc && !res->err.code)
		emt_err_set(&res->err, rc < 0 ? rc : EMT_E_INTERNAL, p.cmd ? p.cmd->name : env->tool,
			    "please report this", "failed without saying why");
	end.exit_status = status(&ctx, rc);
	end.complete = !rc && !ctx.incomplete;
	if (ctx.out && emt_out_finish(ctx.out, &end, &res->err) && !rc)
		end.exit_status = EMT_EXIT_ERROR;
	res->exit_status = (enum emt_exit)end.exit_status;
	res->unmet = ctx.unmet;
	if (res->err.code)
		locate(res, &p, words, n);
	res->write_errno = ctx.out ? emt_out_errno(ctx.out) : 0;
	if (res->err.code && res->err.column && opts.where && !strcmp(res->err.subject, "--where"))
		res->excerpt = strdup(opts.where);
	emt_out_free(ctx.out);
	emt_parse_free(&p);
}

void emt_result_free(struct emt_result *res)
{
	free(res->excerpt);
	res->excerpt = NULL;
}
