/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/journal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/kind_events.h"

/* A watch under way. */
struct reading {
	const struct emt_journal_ops *ops;
	bool open;           /* its header was read, its end was not */
	int64_t from;
	uint64_t events;
};

static int64_t time_of(const char *text)
{
	struct tm tm = { .tm_isdst = 0 };

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void set(struct emt_rec *rec, unsigned int col, enum emt_coltype type, struct json_object *v)
{
	switch (type) {
	case EMT_COL_BOOL: emt_rec_bool(rec, col, json_object_get_boolean(v)); break;
	case EMT_COL_NUMBER:
	case EMT_COL_FRAME: emt_rec_u64(rec, col, json_object_get_uint64(v)); break;
	case EMT_COL_TIME: emt_rec_time(rec, col, time_of(json_object_get_string(v))); break;
	case EMT_COL_STRING: emt_rec_str(rec, col, json_object_get_string(v)); break;
	default: break; /* these kinds have no others */
	}
}

/* A line of a kind back into a record of it: columns that it lacks stay unset. */
static int give(struct reading *r, const struct emt_record_kind *kind, struct json_object *line)
{
	struct emt_rec *rec = r->ops->begin(kind, r->ops->arg);
	struct json_object *v;

	for (unsigned int i = 0; rec && i < kind->nr_columns; i++)
		if (json_object_object_get_ex(line, kind->columns[i].name, &v) && v)
			set(rec, i, kind->columns[i].type, v);
	return r->ops->put(rec, r->ops->arg);
}

/* Its writer was cut off. */
static int give_cut(struct reading *r)
{
	struct emt_watching w = { .from = r->from };
	struct emt_rec *rec;

	if (!r->open)
		return 0;
	r->open = false;
	rec = r->ops->begin(&emt_kind_watching, r->ops->arg);
	if (rec)
		emt_fill_watching(rec, &w, r->events);
	return r->ops->put(rec, r->ops->arg);
}

static const char *text_at(struct json_object *line, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(line, key, &v) ? json_object_get_string(v) : NULL;
}

static int one_line(struct reading *r, struct json_object *line)
{
	const char *record = text_at(line, "record");
	int rc = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		rc = give_cut(r);
		*r = (struct reading){ .ops = r->ops, .open = true, .from = time_of(text_at(line, "time")) };
	} else if (!strcmp(record, emt_kind_toolstack_event.name)) {
		r->events++;
		rc = give(r, &emt_kind_toolstack_event, line);
	} else if (!strcmp(record, emt_kind_watching.name)) {
		r->open = false;
		rc = give(r, &emt_kind_watching, line);
	}
	return rc;
}

int emt_journal_read(const char *path, const struct emt_journal_ops *ops, struct emt_err *err)
{
	struct reading r = { .ops = ops };
	unsigned long number = 0;
	size_t room = 0;
	char *text = NULL;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return emt_err_errno(err, errno == ENOENT ? EMT_E_NOSOURCE : EMT_E_IO, path,
				     "emt-events.service keeps one; --follow needs none",
				     "the journal cannot be opened");
	while (!rc && getline(&text, &room, f) > 0) {
		struct json_object *line = json_tokener_parse(text);

		number++;
		if (!line || !json_object_is_type(line, json_type_object)) {
			/* the first line tells whether it is one; others may have been cut off */
			if (number == 1)
				rc = emt_err_set(err, EMT_E_FORMAT, path, NULL, "is no journal");
		} else {
			rc = one_line(&r, line);
		}
		json_object_put(line);
	}
	if (!rc && ferror(f))
		rc = emt_err_errno(err, EMT_E_IO, path, NULL, "the journal cannot be read");
	free(text);
	fclose(f);
	return rc ? rc : give_cut(&r);
}
