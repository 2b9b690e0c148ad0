/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/map_html.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/facts_json.h"
#include "output/format.h"

#define MAX_FINDINGS 200
#define MAX_VALUE 600     /* bytes of a fact's value */
#define AREAS 32

/* A JSON string that is safe inside <script>: no '<', '>' or '&', no control
 * characters, and only whole UTF-8 sequences. */
static void put_text(struct emt_buffer *b, const char *s, size_t max)
{
	size_t len = s ? strnlen(s, max) : 0;

	emt_buffer_put(b, "\"", 1);
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t n = c < 0x80		   ? 1
			   : c >= 0xc2 && c < 0xe0 ? 2
			   : c >= 0xe0 && c < 0xf0 ? 3
			   : c >= 0xf0 && c < 0xf5 ? 4
						   : 0;

		for (size_t k = 1; k < n; k++)
			if (i + k >= len || ((unsigned char)s[i + k] & 0xc0) != 0x80)
				n = 0;
		if (!n) {
			emt_buffer_puts(b, "?");
			n = 1;
		} else if (n == 1 && (c < 0x20 || c == 0x7f || strchr("<>&\"\\'", c))) {
			emt_buffer_printf(b, "\\u%04x", c);
		} else {
			emt_buffer_put(b, s + i, n);
		}
		i += n;
	}
	if (s && s[len])
		emt_buffer_puts(b, " ...");
	emt_buffer_put(b, "\"", 1);
}

static void put_member(struct emt_buffer *b, const char *name, const char *value)
{
	emt_buffer_printf(b, "\"%s\":", name);
	put_text(b, value, 4096);
	emt_buffer_puts(b, ",");
}

static void put_cells(struct emt_buffer *b, const struct emt_map *m)
{
	emt_buffer_puts(b, "\"stretches\":[");
	for (size_t i = 0; i < emt_map_count(m); i++) {
		const struct emt_map_cell *c = emt_map_get(m, i);
		unsigned int types = 0;

		for (unsigned int k = 0; k < EMT_MAP_NR; k++)
			types |= c->frames[k] ? 1u << k : 0;
		emt_buffer_printf(b, "%s[%llu,%llu,%llu,%u,%u,%u,%u]", i ? "," : "",
				  (unsigned long long)c->first, (unsigned long long)(c->last - c->first + 1),
				  (unsigned long long)c->total, emt_map_main_class(c), types, c->verdicts,
				  c->severity);
	}
	emt_buffer_puts(b, "],\n");
}

static void put_areas(struct emt_buffer *b, const struct emt_map *m)
{
	struct emt_map_area v[AREAS];
	size_t n = emt_map_areas(m, v, AREAS);

	emt_buffer_puts(b, "\"areas\":[");
	for (size_t i = 0; i < n; i++)
		emt_buffer_printf(b, "%s[%llu,%llu]", i ? "," : "", (unsigned long long)v[i].first,
				  (unsigned long long)v[i].last);
	emt_buffer_puts(b, "],\n");
}

static void put_words(struct emt_buffer *b, const char *name, const char *(*word)(unsigned int),
		      unsigned int n)
{
	emt_buffer_printf(b, "\"%s\":[", name);
	for (unsigned int i = 0; i < n; i++) {
		emt_buffer_puts(b, i ? "," : "");
		put_text(b, word(i), 80);
	}
	emt_buffer_puts(b, "],\n");
}

static void put_finding(struct emt_buffer *b, const struct emt_finding *f, const char *source)
{
	const struct emt_defect *d = f->defect >= 0 ? &emt_defects[f->defect] : NULL;
	struct emt_run like = { .emt = f->emt,
				.ipat = f->ipat,
				.flags = f->ipat_hidden ? EMT_RUN_IPAT_HIDDEN : 0 };
	size_t n = f->nr_ranges < EMT_FINDING_RANGES ? (size_t)f->nr_ranges : EMT_FINDING_RANGES;
	char type[8], expected[200], next[400];

	emt_run_type_text(&like, type);
	emt_outcomes_text(f->expected, expected, sizeof(expected));
	emt_buffer_puts(b, "{");
	put_member(b, "severity", emt_severity_name(f->severity));
	put_member(b, "kind", f->kind);
	put_member(b, "defect", d ? d->id : "");
	put_member(b, "title", d ? d->title : emt_reason_text(f->why));
	put_member(b, "type", f->entries && f->verdict != EMT_V_PENDING ? type : "");
	put_member(b, "expected", f->expected && f->defect < 0 ? expected : "");
	put_member(b, "explanation", f->explanation);
	put_member(b, "next", emt_findings_advice(f->next, source, next, sizeof(next)));
	emt_buffer_printf(b, "\"entries\":%llu,\"frames\":%llu,\"total\":%llu,\"ranges\":[",
			  (unsigned long long)f->entries, (unsigned long long)f->frames,
			  (unsigned long long)f->nr_ranges);
	for (size_t i = 0; i < n; i++)
		emt_buffer_printf(b, "%s[%llu,%llu]", i ? "," : "", (unsigned long long)f->ranges[i].first,
				  (unsigned long long)f->ranges[i].last);
	emt_buffer_puts(b, "]}");
}

static void put_findings(struct emt_buffer *b, const struct emt_findings *f, const char *source)
{
	size_t n = emt_findings_count(f);

	emt_buffer_printf(b, "\"findings_total\":%zu,\"findings\":[", n);
	for (size_t i = 0; i < n && i < MAX_FINDINGS; i++) {
		emt_buffer_puts(b, i ? ",\n" : "\n");
		put_finding(b, emt_findings_get(f, i), source);
	}
	emt_buffer_puts(b, "],\n");
}

static const char *member_text(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v) && v ?
	       json_object_get_string(v) : "";
}

static int put_facts(struct emt_buffer *b, const struct emt_facts *f, struct emt_err *err)
{
	struct json_object *all = emt_facts_to_json(f), *v;
	bool more = false;

	if (!all)
		return emt_err_set(err, EMT_E_NOMEM, "map", NULL, "not enough memory");
	emt_buffer_puts(b, "\"facts\":[");
	json_object_object_foreach(all, name, fact) {
		int id = emt_fact_by_name(name);
		bool full = json_object_is_type(fact, json_type_object) &&
			    json_object_object_get_ex(fact, "value", &v);

		emt_buffer_puts(b, more ? ",\n{" : "\n{");
		put_member(b, "name", name);
		put_member(b, "held", full ? member_text(fact, "held") : "");
		put_member(b, "origin", full ? member_text(fact, "origin") : "");
		put_member(b, "help", id < 0 ? "" : emt_fact_descs[id].help);
		emt_buffer_puts(b, "\"value\":");
		put_text(b, json_object_to_json_string_ext(full ? v : fact, JSON_C_TO_STRING_PLAIN),
			 MAX_VALUE);
		emt_buffer_puts(b, "}");
		more = true;
	}
	emt_buffer_puts(b, "]\n");
	json_object_put(all);
	return 0;
}

static void put_rows(struct emt_buffer *b, const struct emt_map_page *page)
{
	emt_buffer_puts(b, "\"rows\":[");
	for (size_t i = 0; i < page->nr_rows; i++) {
		emt_buffer_puts(b, i ? ",[" : "[");
		put_text(b, page->rows[i].name, 80);
		emt_buffer_puts(b, ",");
		put_text(b, page->rows[i].text, MAX_VALUE);
		emt_buffer_puts(b, "]");
	}
	emt_buffer_puts(b, "],\n");
}

static void put_history(struct emt_buffer *b, struct json_object *list)
{
	static const char *const names[] = { "first_seen", "last_seen", "state", "severity" };
	size_t n = json_object_array_length(list);

	emt_buffer_printf(b, "\"history_total\":%zu,\"history\":[", n);
	for (size_t i = 0; i < n && i < MAX_FINDINGS; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		emt_buffer_puts(b, i ? ",\n{" : "\n{");
		for (size_t k = 0; k < EMT_ARRAY_SIZE(names); k++)
			put_member(b, names[k], member_text(one, names[k]));
		emt_buffer_puts(b, "\"what\":");
		put_text(b, member_text(one, "what"), MAX_VALUE);
		emt_buffer_puts(b, "}");
	}
	emt_buffer_puts(b, "],\n");
}

int emt_map_html(struct emt_buffer *b, const struct emt_map_page *page, struct emt_err *err)
{
	char text[200] = "";
	int rc;

	emt_buffer_puts(b, emt_map_page_head);
	emt_buffer_puts(b, "<script type=\"application/json\" id=\"data\">{");
	put_member(b, "title", page->title);
	put_member(b, "source", page->source);
	put_member(b, "release", page->release->text);
	put_member(b, "rules", page->release->era->releases);
	put_member(b, "time", page->time ? emt_fmt_time(page->time, text, sizeof(text)) : "");
	put_member(b, "version", EMT_VERSION);
	emt_buffer_printf(b, "\"complete\":%s,\"grain\":%llu,\n", page->complete ? "true" : "false",
			  (unsigned long long)emt_map_grain(page->map));
	put_words(b, "types", emt_map_class_name, EMT_MAP_NR);
	put_words(b, "texts", emt_map_class_text, EMT_MAP_NR);
	emt_buffer_puts(b, "\"letters\":\"");
	for (unsigned int i = 0; i < EMT_MAP_NR; i++)
		emt_buffer_printf(b, "%c", emt_map_class_letter(i));
	emt_buffer_puts(b, "\",\n");
	put_words(b, "verdicts", emt_verdict_name, EMT_V_NR);
	put_words(b, "severities", emt_severity_name, EMT_SEV_NR);
	if (page->nr_rows)
		put_rows(b, page);
	if (page->history)
		put_history(b, page->history);
	put_areas(b, page->map);
	put_cells(b, page->map);
	put_findings(b, page->findings, page->source);
	rc = put_facts(b, page->facts, err);
	emt_buffer_puts(b, "}</script>\n");
	emt_buffer_puts(b, emt_map_page_tail);
	if (!rc && emt_buffer_flush(b))
		rc = emt_err_set(err, EMT_E_IO, "map", NULL, "cannot write the page: %s", strerror(b->error));
	return rc;
}

static int write_fd(void *arg, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(*(int *)arg, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int emt_map_html_file(const char *path, const struct emt_map_page *page, struct emt_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), rc;
	struct emt_buffer b;
	struct stat st;

	if (fd < 0)
		return emt_err_errno(err, EMT_E_IO, path, NULL, "cannot write");
	emt_buffer_init(&b, write_fd, &fd);
	rc = emt_map_html(&b, page, err);
	emt_buffer_free(&b);
	/* never a device */
	if (rc && !fstat(fd, &st) && S_ISREG(st.st_mode))
		unlink(path);
	if (close(fd) && !rc)
		rc = emt_err_errno(err, EMT_E_IO, path, NULL, "cannot write");
	return rc;
}
