/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/side.h"

int emt_side_begin(struct emt_side *s)
{
	s->have = s->at = 0;
	return emt_source_stream(s->source, s->index, &s->stream, s->ctx->err);
}

int emt_side_next(void *side, struct emt_run *run)
{
	struct emt_side *s = side;

	if (s->at == s->have) {
		int rc = emt_ctx_step(s->ctx, s->done, 0);

		s->at = 0;
		s->have = rc ? rc : emt_stream_read(s->stream, s->runs, EMT_ARRAY_SIZE(s->runs), s->ctx->err);
		if (s->have <= 0) {
			rc = (int)s->have;
			s->have = 0;
			return rc;
		}
		s->done += (uint64_t)s->have;
	}
	*run = s->runs[s->at++];
	return 1;
}

void emt_side_end(struct emt_side *s)
{
	if (s->stream) {
		emt_stream_loss(s->stream, &s->loss);
		emt_stream_free(s->stream);
	}
	s->stream = NULL;
}

int emt_side_compare(struct emt_diff *d, struct emt_side *before, struct emt_engine *before_engine,
		     struct emt_side *after, struct emt_engine *after_engine)
{
	struct emt_diff_input x = { emt_side_next, before, before_engine }, y = { emt_side_next, after, after_engine };
	int rc = emt_side_begin(before);

	if (!rc)
		rc = emt_side_begin(after);
	if (!rc)
		rc = emt_diff_merge(d, &x, &y);
	emt_side_end(before);
	emt_side_end(after);
	return rc;
}
