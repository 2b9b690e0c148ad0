/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/journal.h"

#include <json-c/json.h>
#include <string.h>

#include "command/kind_events.h"
#include "command/kind_kvm_event.h"
#include "source/journal.h"

/* A watch under way. */
struct reading {
	const struct emt_journal_ops *ops;
	bool open;           /* its header was read, its end was not */
	int64_t from;
	uint64_t events;
};

static void set(struct emt_rec *rec, unsigned int col, enum emt_coltype type, struct json_object *v)
{
	switch (type) {
	case EMT_COL_BOOL: emt_rec_bool(rec, col, json_object_get_boolean(v)); break;
	case EMT_COL_NUMBER:
	case EMT_COL_FRAME: emt_rec_u64(rec, col, json_object_get_uint64(v)); break;
	case EMT_COL_STRING: emt_rec_str(rec, col, json_object_get_string(v)); break;
	case EMT_COL_STRINGS:
		for (size_t i = 0; json_object_is_type(v, json_type_array) && i < json_object_array_length(v); i++)
			emt_rec_add_str(rec, col, json_object_get_string(json_object_array_get_idx(v, i)));
		break;
	default: break; /* these kinds have no others */
	}
}

/* A line of a kind back into a record of it: columns that it lacks stay unset. */
static int give(struct reading *r, const struct emt_record_kind *kind, struct json_object *line)
{
	struct emt_rec *rec = r->ops->begin(kind, r->ops->arg);
	struct json_object *v;

	for (unsigned int i = 0; rec && i < kind->nr_columns; i++) {
		if (kind->columns[i].type == EMT_COL_STRINGS)
			emt_rec_list(rec, i);
		if (kind->columns[i].type == EMT_COL_TIME)
			emt_rec_time(rec, i, emt_journal_time(line, kind->columns[i].name));
		else if (json_object_object_get_ex(line, kind->columns[i].name, &v) && v)
			set(rec, i, kind->columns[i].type, v);
	}
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

static int one_line(struct json_object *line, void *arg)
{
	struct reading *r = arg;
	const char *record = emt_journal_text(line, "record");
	int rc = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		rc = give_cut(r);
		*r = (struct reading){ .ops = r->ops, .open = true, .from = emt_journal_time(line, "time") };
	} else if (!strcmp(record, emt_kind_watch_begun.name)) {
		r->from = emt_journal_time(line, "time");
	} else if (!strcmp(record, "gap")) {
		rc = give_cut(r);
	} else if (!strcmp(record, emt_kind_toolstack_event.name)) {
		r->events++;
		rc = give(r, &emt_kind_toolstack_event, line);
	} else if (!strcmp(record, emt_kind_kvm_event.name)) {
		r->events++;
		rc = give(r, &emt_kind_kvm_event, line);
	} else if (!strcmp(record, emt_kind_watching.name)) {
		r->open = false;
		rc = give(r, &emt_kind_watching, line);
	} else if (!strcmp(record, emt_kind_kvm_watching.name) && emt_journal_text(line, "to")) {
		r->open = false;
		rc = give(r, &emt_kind_kvm_watching, line);
	}
	return rc;
}

int emt_journal_read(const char *path, const struct emt_journal_ops *ops, struct emt_err *err)
{
	struct reading r = { .ops = ops };
	int rc = emt_journal_each(path, one_line, &r, err);

	return rc ? rc : give_cut(&r);
}
