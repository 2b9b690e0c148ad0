/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

const char *emt_journal_file(void)
{
	const char *path = getenv("EMTCTL_JOURNAL");

	return path && *path ? path : EMT_JOURNAL_FILE;
}

bool emt_journal_is_watched(const char *path)
{
	char lock[4096];
	int fd, rc;

	if ((size_t)snprintf(lock, sizeof(lock), "%s.lock", path) >= sizeof(lock))
		return false;
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	rc = flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	return rc != 0;
}

/* Names and processes' names cannot look like this: their quotes are escaped. */
static bool of_another(const char *text, uint32_t domid)
{
	static const char key[] = "\"domain\":";
	const char *at = strstr(text, key);
	unsigned long long n;
	char *end;

	if (!at || strstr(at, "{\"record\":")) /* another line follows in it */
		return false;
	at += sizeof(key) - 1;
	if (*at < '0' || *at > '9')
		return false;
	n = strtoull(at, &end, 10);
	return n != domid;
}

/* An object; NULL if it is none. Behind a line that was cut off the next writer's stands in
 * the same one. */
static struct json_object *parse(const char *text)
{
	struct json_object *line = json_tokener_parse(text);
	const char *at = text, *last = NULL;

	if (line && json_object_is_type(line, json_type_object))
		return line;
	json_object_put(line);
	while ((at = strstr(at + 1, "{\"record\":")))
		last = at;
	line = last ? json_tokener_parse(last) : NULL;
	if (json_object_is_type(line, json_type_object))
		return line;
	json_object_put(line);
	return NULL;
}

static int each(const char *path, int64_t domid, emt_journal_line_cb cb, void *arg, struct emt_err *err)
{
	unsigned long number = 0;
	size_t room = 0;
	char *text = NULL;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return emt_err_errno(err, errno == ENOENT ? EMT_E_NOSOURCE : EMT_E_IO, path,
				     "emt-events.service keeps one; events --follow --ndjson writes one",
				     "the journal cannot be opened");
	while (!rc && getline(&text, &room, f) > 0) {
		struct json_object *line;

		if (*text == '\n')
			continue;
		if (number++ && domid >= 0 && of_another(text, (uint32_t)domid))
			continue;
		line = parse(text);
		if (line)
			rc = cb(line, arg);
		else if (number == 1) /* it tells whether it is one; others may have been cut off */
			rc = emt_err_set(err, EMT_E_FORMAT, path, NULL, "is no journal");
		json_object_put(line);
	}
	if (!rc && ferror(f))
		rc = emt_err_errno(err, EMT_E_IO, path, NULL, "the journal cannot be read");
	free(text);
	fclose(f);
	return rc;
}

int emt_journal_each(const char *path, emt_journal_line_cb cb, void *arg, struct emt_err *err)
{
	return each(path, -1, cb, arg, err);
}

int emt_journal_of(const char *path, uint32_t domid, emt_journal_line_cb cb, void *arg, struct emt_err *err)
{
	return each(path, domid, cb, arg, err);
}

static struct json_object *member(struct json_object *line, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(line, key, &v) ? v : NULL;
}

const char *emt_journal_text(struct json_object *line, const char *key)
{
	struct json_object *v = member(line, key);

	return v ? json_object_get_string(v) : NULL;
}

bool emt_journal_number(struct json_object *line, const char *key, uint64_t *n)
{
	struct json_object *v = member(line, key);

	if (v)
		*n = json_object_get_uint64(v);
	return v;
}

bool emt_journal_flag(struct json_object *line, const char *key)
{
	struct json_object *v = member(line, key);

	return v && json_object_get_boolean(v);
}

int64_t emt_journal_time(struct json_object *line, const char *key)
{
	const char *t = emt_journal_text(line, key);
	struct tm tm = { .tm_isdst = 0 };

	return t && strptime(t, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}
