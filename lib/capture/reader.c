/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a capture, and what it says apart from its runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/facts_json.h"
#include "capture/reader.h"

bool emt_loss_none(const struct emt_loss *l)
{
	return !l->lines_unparsed && !l->entries_cut && !l->chunks_bad && !l->changed && !l->cut_head &&
	       !l->cut_tail;
}

static const char *next_step(const struct emt_capture *c, int code)
{
	switch (code) {
	case EMT_E_NEWER:
		return "read it with the emt that wrote it, or a later one";
	case EMT_E_FORMAT:
		return "give a file written by emtctl capture or emtctl import";
	case EMT_E_DAMAGED:
	case EMT_E_TRUNCATED:
		return c->salvage ? "take the capture again" : EMT_CAP_SALVAGE;
	default:
		return NULL;
	}
}

int emt_cap_error(const struct emt_capture *c, struct emt_err *err, int code, const char *why)
{
	if (code == EMT_E_IO)
		return emt_err_errno(err, code, c->path, next_step(c, code), "%s", why);
	return emt_err_set(err, code, c->path, next_step(c, code), "%s", why);
}

int emt_cap_chunk_error(const struct emt_capture *c, struct emt_err *err, int code, const struct emt_chunk *k,
			const char *why)
{
	if (code == EMT_E_IO)
		return emt_err_errno(err, code, c->path, NULL, "offset %llu", (unsigned long long)k->offset);
	return emt_err_set(err, code, c->path, next_step(c, code), "offset %llu (%s): %s",
			   (unsigned long long)k->offset, k->kind, why);
}

int emt_cap_nomem(const struct emt_capture *c, struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, c->path, NULL, "not enough memory to read a capture");
}

static int grow(void *pp, uint32_t n, uint32_t *room, size_t size)
{
	void **p = pp, *q;
	uint32_t want = *room ? *room * 2 : 64;

	if (n < *room)
		return 0;
	q = reallocarray(*p, want, size);
	if (!q)
		return -1;
	*p = q;
	*room = want;
	return 0;
}

int emt_cap_add_chunk(struct emt_capture *c, const struct emt_chunk *k)
{
	if (grow(&c->chunks, c->nr_chunks, &c->chunk_room, sizeof(*c->chunks)))
		return -1;
	c->chunks[c->nr_chunks++] = *k;
	return 0;
}

int emt_cap_add_run(struct emt_capture *c, uint32_t chunk)
{
	if (grow(&c->runs, c->nr_runs, &c->run_room, sizeof(*c->runs)))
		return -1;
	c->runs[c->nr_runs++] = chunk;
	return 0;
}

struct emt_cap_walk *emt_cap_add_walk(struct emt_capture *c, uint32_t number)
{
	struct emt_cap_walk *w;

	if (grow(&c->walks, c->nr_walks, &c->walk_room, sizeof(*c->walks)))
		return NULL;
	w = &c->walks[c->nr_walks++];
	*w = (struct emt_cap_walk){ .number = number, .facts = EMT_CAP_NONE, .first_run = c->nr_runs };
	return w;
}

static int open_file(struct emt_capture *c, struct emt_err *err)
{
	struct stat st;

	/* a FIFO without a writer must not hang us */
	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd < 0 && (errno == EACCES || errno == EPERM))
		return emt_err_errno(err, EMT_E_PERM, c->path, "ask for the right to read it",
				     "cannot be opened");
	if (c->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return emt_err_errno(err, EMT_E_NOSOURCE, c->path, "check the name of the file",
				     "cannot be opened");
	if (c->fd < 0 || fstat(c->fd, &st))
		return emt_err_errno(err, EMT_E_IO, c->path, NULL, "cannot be opened");
	if (S_ISDIR(st.st_mode))
		return emt_err_set(err, EMT_E_NOSOURCE, c->path, "name a capture file in it",
				   "is a directory");
	if (!S_ISREG(st.st_mode))
		return emt_err_set(err, EMT_E_NOSOURCE, c->path, "copy it into a file first",
				   "is not a regular file");
	c->size = (uint64_t)st.st_size;
	return 0;
}

int emt_cap_begin(struct emt_capture **out, const char *path, struct emt_err *err)
{
	struct emt_capture *c = calloc(1, sizeof(*c));
	uint8_t head[EMT_CAP_HEAD];
	const char *why;
	long n;
	int rc;

	*out = NULL;
	if (!c)
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to read a capture");
	c->fd = -1;
	c->path = strdup(path);
	c->tool = strdup("");
	c->origin = strdup("");
	c->dctx = ZSTD_createDCtx();
	if (!c->path || !c->tool || !c->origin || !c->dctx)
		rc = emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to read a capture");
	else
		rc = open_file(c, err);
	if (!rc) {
		n = emt_pread(c->fd, head, sizeof(head), 0);
		if (n < 0)
			rc = emt_cap_error(c, err, EMT_E_IO, "cannot be read");
		else if ((rc = emt_head_get(head, (size_t)n, &c->minor, &why)))
			emt_cap_error(c, err, rc, why);
	}
	if (rc)
		emt_capture_free(c);
	else
		*out = c;
	return rc;
}

int emt_capture_open(struct emt_capture **out, const char *path, bool salvage, struct emt_err *err)
{
	struct emt_capture *c;
	int rc = emt_cap_begin(&c, path, err);

	*out = NULL;
	if (!c)
		return rc;
	c->salvage = salvage;
	rc = salvage ? emt_cap_salvage(c, err) : emt_cap_index(c, err);
	if (rc)
		emt_capture_free(c);
	else
		*out = c;
	return rc;
}

void emt_capture_free(struct emt_capture *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	ZSTD_freeDCtx(c->dctx);
	free(c->frame.p);
	free(c->content.p);
	free(c->chunks);
	free(c->runs);
	free(c->walks);
	free(c->tool);
	free(c->origin);
	free(c->path);
	free(c);
}

size_t emt_capture_walks(const struct emt_capture *c)
{
	return c->nr_walks;
}

const struct emt_walk_info *emt_capture_walk(const struct emt_capture *c, size_t i)
{
	return i < c->nr_walks ? &c->walks[i].info : NULL;
}

const char *emt_capture_tool(const struct emt_capture *c)
{
	return c->tool;
}

const char *emt_capture_origin(const struct emt_capture *c)
{
	return c->origin;
}

int64_t emt_capture_time(const struct emt_capture *c)
{
	return c->time;
}

/* JSON of a chunk. Names may hold bytes that are no UTF-8: kept as they are. */
static struct json_object *parse(const uint8_t *content, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *obj = NULL;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, (const char *)content, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success || json_tokener_get_parse_end(tok) != len ||
	    !json_object_is_type(obj, json_type_object)) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

static bool header_text(struct json_object *obj, const char *key, char **to)
{
	struct json_object *v;
	char *copy;

	if (!json_object_object_get_ex(obj, key, &v) || !json_object_is_type(v, json_type_string))
		return false;
	copy = strdup(json_object_get_string(v));
	if (!copy)
		return false;
	free(*to);
	*to = copy;
	return true;
}

const char *emt_cap_header(struct emt_capture *c, const uint8_t *content, size_t len)
{
	struct json_object *obj = parse(content, len), *v;
	bool ok;

	if (!obj)
		return "the file's own description is not JSON";
	ok = header_text(obj, "tool", &c->tool) && header_text(obj, "source", &c->origin) &&
	     json_object_object_get_ex(obj, "time", &v) && json_object_is_type(v, json_type_int);
	if (ok)
		c->time = json_object_get_int64(v);
	json_object_put(obj);
	return ok ? NULL : "the file's own description lacks tool, source or time";
}

/* A later minor version may know more facts: leave out those that we do not. */
static void drop_unknown(struct json_object *obj)
{
	struct json_object_iter it;
	const char *unknown;

	do {
		unknown = NULL;
		json_object_object_foreachC(obj, it) {
			if (!emt_facts_known(it.key)) {
				unknown = it.key;
				break;
			}
		}
		if (unknown)
			json_object_object_del(obj, unknown);
	} while (unknown);
}

int emt_cap_facts(struct emt_capture *c, const uint8_t *content, size_t len, struct emt_facts *f,
		  struct emt_err *err)
{
	struct json_object *obj = parse(content, len);
	int rc;

	emt_facts_init(f);
	if (!obj)
		return emt_cap_error(c, err, EMT_E_DAMAGED, "the facts of a walk are not JSON");
	if (c->minor > EMT_CAPTURE_MINOR)
		drop_unknown(obj);
	rc = emt_facts_from_json(f, obj, NULL, c->path, err);
	json_object_put(obj);
	if (rc)
		emt_facts_free(f);
	return rc;
}

int emt_capture_facts(struct emt_capture *c, size_t i, struct emt_facts *f, struct emt_err *err)
{
	const struct emt_chunk *k;
	const char *why;
	int rc;

	emt_facts_init(f);
	if (i >= c->nr_walks)
		return emt_err_set(err, EMT_E_INTERNAL, c->path, NULL, "there is no walk %zu", i);
	if (c->walks[i].facts == EMT_CAP_NONE) {
		f->domid = c->walks[i].info.domid;
		return 0;
	}
	k = &c->chunks[c->walks[i].facts];
	rc = emt_chunk_read(c->fd, k, c->dctx, &c->frame, &c->content, &why);
	if (rc)
		return emt_cap_chunk_error(c, err, rc, k, why);
	return emt_cap_facts(c, c->content.p, k->ulen, f, err);
}

const char *emt_pages_check(const uint8_t *content, size_t len, uint32_t *n)
{
	*n = len >= 8 ? emt_get32(content) : 0;
	if (!*n || *n > EMT_CAP_PAGES || emt_get32(content + 4) ||
	    len != 8 + (size_t)*n * (16 + EMT_CAP_PAGE))
		return "the head of the table pages makes no sense";
	for (uint32_t i = 0; i < *n; i++) {
		uint32_t level = emt_get32(content + 16 + i * 16);

		if (level < 1 || level > 5 || emt_get32(content + 20 + i * 16))
			return "a table page has a level that is none";
	}
	return NULL;
}

static int each_page(struct emt_capture *c, size_t walk, const char kind[5],
		     int (*cb)(uint64_t frame, unsigned int level, const void *page, void *arg), void *arg,
		     struct emt_err *err)
{
	struct emt_buf own = { 0 }; /* the callback may read from the capture too */
	int rc = 0;

	if (walk >= c->nr_walks)
		return emt_err_set(err, EMT_E_INTERNAL, c->path, NULL, "there is no walk %zu", walk);
	for (uint32_t i = 0; i < c->nr_chunks && !rc; i++) {
		const struct emt_chunk *k = &c->chunks[i];
		const char *why;
		uint32_t n = 0;

		if (k->walk != c->walks[walk].number || memcmp(k->kind, kind, 4))
			continue;
		rc = emt_chunk_read(c->fd, k, c->dctx, &c->frame, &own, &why);
		if (!rc) {
			why = emt_pages_check(own.p, k->ulen, &n);
			rc = why ? EMT_E_DAMAGED : 0;
		}
		if (rc) {
			emt_cap_chunk_error(c, err, rc, k, why);
			break;
		}
		for (uint32_t j = 0; j < n && !rc; j++) {
			const uint8_t *head = own.p + 8 + j * 16;

			rc = cb(emt_get64(head), emt_get32(head + 8),
				own.p + 8 + n * 16 + (size_t)j * EMT_CAP_PAGE, arg);
		}
	}
	free(own.p);
	return rc;
}

int emt_capture_tables(struct emt_capture *c, size_t walk,
		       int (*cb)(uint64_t mfn, unsigned int level, const void *page, void *arg), void *arg,
		       struct emt_err *err)
{
	return each_page(c, walk, "TABL", cb, arg, err);
}

int emt_capture_guest_tables(struct emt_capture *c, size_t walk,
			     int (*cb)(uint64_t gfn, unsigned int level, const void *page, void *arg), void *arg,
			     struct emt_err *err)
{
	return each_page(c, walk, "GTAB", cb, arg, err);
}

int emt_capture_blob(struct emt_capture *c, size_t walk, const char kind[5], void **data, size_t *len,
		     struct emt_err *err)
{
	uint32_t number = walk < c->nr_walks ? c->walks[walk].number : EMT_CAP_NO_WALK;

	*data = NULL;
	*len = 0;
	for (uint32_t i = 0; i < c->nr_chunks; i++) {
		const struct emt_chunk *k = &c->chunks[i];
		const char *why;
		int rc;

		if (k->walk != number || memcmp(k->kind, kind, 4))
			continue;
		rc = emt_chunk_read(c->fd, k, c->dctx, &c->frame, &c->content, &why);
		if (rc)
			return emt_cap_chunk_error(c, err, rc, k, why);
		*data = malloc(k->ulen ? k->ulen : 1);
		if (!*data)
			return emt_cap_nomem(c, err);
		memcpy(*data, c->content.p, k->ulen);
		*len = k->ulen;
		return 0;
	}
	return emt_err_set(err, EMT_E_MISSING, c->path, NULL, "holds no record of kind \"%.4s\"", kind);
}

int emt_capture_blobs(struct emt_capture *c, const char kind[5], int (*cb)(const void *data, size_t len, void *arg),
		      void *arg, struct emt_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->nr_chunks && !rc; i++) {
		const struct emt_chunk *k = &c->chunks[i];
		const char *why;

		if (memcmp(k->kind, kind, 4) != 0)
			continue;
		rc = emt_chunk_read(c->fd, k, c->dctx, &c->frame, &c->content, &why);
		rc = rc ? emt_cap_chunk_error(c, err, rc, k, why) : cb(c->content.p, k->ulen, arg);
	}
	return rc;
}
