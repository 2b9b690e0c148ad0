/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emtd.h"
#include "source/journal.h"
#include "source/source.h"

#ifndef EMT_BINDIR
#define EMT_BINDIR "/usr/local/bin"
#endif

const char config_default_path[] = "/etc/emt/emtd.conf";

enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_BOOL, TYPE_WATCH, TYPE_LEVEL };

static const struct key {
	const char *name;
	enum type type;
	size_t at, room;         /* text: bytes */
	unsigned int least, most;
} keys[] = {
#define TEXT(n) { #n, TYPE_TEXT, offsetof(struct config, n), sizeof(((struct config *)0)->n), 0, 0 }
#define BOOL(n) { #n, TYPE_BOOL, offsetof(struct config, n), 0, 0, 0 }
#define NUMBER(n, least, most) { #n, TYPE_NUMBER, offsetof(struct config, n), 0, least, most }
	TEXT(socket), TEXT(read_socket), TEXT(read_group), TEXT(emtctl),
	NUMBER(max_clients, 1, 10000), NUMBER(max_workers, 1, 256), NUMBER(max_slow, 0, 10000),
	NUMBER(request_timeout, 1, 86400), NUMBER(idle_timeout, 1, 86400),
	NUMBER(max_watchers, 1, 1000),
	BOOL(allow_costs),
	{ "watch", TYPE_WATCH, 0, 0, 0, 0 },
	NUMBER(watch_interval, 1, 86400), NUMBER(watch_events, 0, 3600), NUMBER(watch_pause, 0, 3600),
	NUMBER(watch_budget, 1, 100), TEXT(journal),
	NUMBER(watch_timeout, 1, 3600), BOOL(findings_log), TEXT(textfile), NUMBER(http_port, 0, 65535),
	TEXT(history), NUMBER(history_days, 1, 36500), NUMBER(history_mib, 1, 1u << 20), TEXT(hook),
	TEXT(walks), NUMBER(walks_mib, 1, 1u << 20), NUMBER(flush_open, 1, 36500 * 86400u),
	{ "hook_severity", TYPE_LEVEL, offsetof(struct config, hook_severity), 0, 0, 0 },
	NUMBER(hook_timeout, 1, 3600),
};

void config_defaults(struct config *c)
{
	*c = (struct config){
		.socket = EMT_WIRE_SOCKET, .read_socket = EMT_WIRE_READ_SOCKET, .emtctl = EMT_BINDIR "/emtctl",
		.journal = EMT_JOURNAL_FILE,
		.max_clients = 256, .max_workers = 4, .max_slow = 16,
		.request_timeout = 120, .idle_timeout = 300,
		.max_watchers = 32, .watch_interval = 300, .watch_events = 10, .watch_pause = 5, .watch_budget = 5,
		.watch_timeout = 60, .history_days = 30, .history_mib = 64, .walks_mib = 256, .flush_open = 86400,
		.hook_severity = EMT_SEV_ERROR, .hook_timeout = 30,
	};
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static bool is_all(const char *text)
{
	return !strcmp(text, "all") || !strcmp(text, "all,costs=yes");
}

/* What is wrong with a value, or NULL once it is set. */
static const char *set(struct config *c, const struct key *k, const char *value)
{
	char *at = (char *)c + k->at;
	struct emt_source_spec spec;
	uint64_t n;
	int level;

	switch (k->type) {
	case TYPE_WATCH:
		if (!*value)
			return NULL;
		if (c->nr_watch == CONFIG_WATCH)
			return "is one source too many";
		if (strlen(value) >= sizeof(c->watch[0]))
			return "is too long";
		if (!is_all(value) && emt_source_parse(&spec, value, NULL))
			return "is no source";
		snprintf(c->watch[c->nr_watch++], sizeof(c->watch[0]), "%s", value);
		return NULL;
	case TYPE_LEVEL:
		level = emt_severity_parse(value);
		if (level < 0)
			return "is no level";
		*(enum emt_severity *)(void *)at = (enum emt_severity)level;
		return NULL;
	case TYPE_TEXT:
		if (strlen(value) >= k->room)
			return "is too long";
		if (*value && strcmp(k->name, "read_group") && *value != '/')
			return "is no absolute path";
		snprintf(at, k->room, "%s", value);
		return NULL;
	case TYPE_NUMBER:
		if (emt_parse_u64(value, &n) || n < k->least || n > k->most)
			return "is out of range, or no number";
		*(unsigned int *)(void *)at = (unsigned int)n;
		return NULL;
	default:
		if (strcmp(value, "yes") && strcmp(value, "no"))
			return "is neither yes nor no";
		*(bool *)(void *)at = !strcmp(value, "yes");
		return NULL;
	}
}

static int take_line(struct config *c, const char *path, unsigned long nr, char *line, struct emt_err *err)
{
	char *equals, *name = trim(line), *value;
	const char *wrong;

	if (!*name || *name == '#')
		return 0;
	equals = strchr(name, '=');
	if (!equals)
		return emt_err_set(err, EMT_E_FORMAT, path, "lines are: key = value", "line %lu has no \"=\"", nr);
	*equals = '\0';
	value = trim(equals + 1);
	name = trim(name);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		wrong = set(c, &keys[i], value);
		return wrong ? emt_err_set(err, EMT_E_FORMAT, path, "emtd(8) tells what each key takes",
					   "line %lu: %s: \"%.80s\" %s", nr, name, value, wrong) : 0;
	}
	return emt_err_set(err, EMT_E_FORMAT, path, "emtd(8) lists the keys", "line %lu: no key \"%.60s\"", nr, name);
}

int config_read(struct config *c, const char *path, struct emt_err *err)
{
	FILE *f = fopen(path, "re");
	unsigned long nr = 0;
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (!f)
		return emt_err_errno(err, errno == EACCES ? EMT_E_PERM : EMT_E_NOSOURCE, path, NULL, "cannot open");
	while (!rc && getline(&line, &room, f) >= 0)
		rc = take_line(c, path, ++nr, line, err);
	if (!rc && ferror(f))
		rc = emt_err_errno(err, EMT_E_IO, path, NULL, "cannot read");
	free(line);
	fclose(f);
	if (!rc && !*c->socket && !*c->read_socket)
		rc = emt_err_set(err, EMT_E_FORMAT, path, "name one of them", "neither socket nor read_socket is set");
	return rc;
}
