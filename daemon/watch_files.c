/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened to sources: files that were written, domains that came, went or changed.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>

#include "watch.h"

/* ---- files ---- */

static bool is_file(const struct watched *src)
{
	return src->spec.kind == EMT_SOURCE_CAPTURE || src->spec.kind == EMT_SOURCE_MEM;
}

static const char *name_of(const struct watched *src)
{
	const char *slash = strrchr(src->spec.target, '/');

	return slash ? slash + 1 : src->spec.target;
}

static void on_files(evutil_socket_t fd, short what, void *arg)
{
	char text[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct watch *w = arg;
	ssize_t n;

	(void)what;
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (char *at = text; at < text + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)at;
			struct watched *src;

			at += sizeof(*e) + e->len;
			DL_FOREACH(w->sources, src)
				/* what was not told for lack of room concerns all */
				if ((e->mask & IN_Q_OVERFLOW) ||
				    (src->wd == e->wd && e->len && !strcmp(e->name, name_of(src))))
					watch_touch(src, WATCH_BY_FILE);
		}
}

void files_start(struct watch *w)
{
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify < 0) {
		log_line(LOG_LEVEL_WARNING, "files are looked at by the clock only: %s", strerror(errno));
		return;
	}
	w->files = event_new(w->s->base, w->inotify, EV_READ | EV_PERSIST, on_files, w);
	if (w->files)
		event_add(w->files, NULL);
}

void files_stop(struct watch *w)
{
	if (w->files)
		event_free(w->files);
	if (w->inotify >= 0)
		close(w->inotify);
}

void files_add(struct watched *src)
{
	char path[sizeof(src->spec.target)];

	if (!is_file(src) || src->w->inotify < 0)
		return;
	/* its folder: files are replaced by others under the same name */
	snprintf(path, sizeof(path), "%s", src->spec.target);
	src->wd = inotify_add_watch(src->w->inotify, dirname(path), IN_CLOSE_WRITE | IN_MOVED_TO);
	if (src->wd < 0)
		log_line(LOG_LEVEL_WARNING, "%s: looked at by the clock only: %s", src->text, strerror(errno));
}

void files_remove(struct watched *src)
{
	struct watched *other;

	if (src->wd < 0)
		return;
	DL_FOREACH(src->w->sources, other)
		if (other != src && other->wd == src->wd)
			return;
	inotify_rm_watch(src->w->inotify, src->wd);
}

/* ---- domains ---- */

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v ? json_object_get_string(v) : "";
}

static struct watched *source_of(struct watch *w, struct json_object *domain)
{
	const char *id = text_of(domain, "domain"), *name = text_of(domain, "name"), *uuid = text_of(domain, "uuid");
	struct watched *src;

	DL_FOREACH(w->sources, src)
		if (src->spec.kind == EMT_SOURCE_XEN &&
		    (!strcmp(src->spec.target, id) || (*name && !strcmp(src->spec.target, name)) ||
		     (*uuid && !strcmp(src->spec.target, uuid))))
			return src;
	return NULL;
}

struct watched *live_source(struct watch *w, uint32_t domid, bool *listed)
{
	struct json_object *domain;
	struct watched *src;
	char id[16];

	snprintf(id, sizeof(id), "%u", domid);
	*listed = w->listed && json_object_object_get_ex(w->listed, id, &domain);
	if (*listed)
		return source_of(w, domain);
	DL_FOREACH(w->sources, src)
		if (src->spec.kind == EMT_SOURCE_XEN && !strcmp(src->spec.target, id))
			return src;
	return NULL;
}

/* What it does from moment to moment is no change; its devices, memory and vCPUs are. */
static bool same(struct json_object *a, struct json_object *b)
{
	json_object_object_foreach(a, name, value) {
		struct json_object *other = NULL;

		if (!strcmp(name, "state"))
			continue;
		json_object_object_get_ex(b, name, &other);
		if (!json_object_equal(value, other))
			return false;
	}
	return true;
}

static void take_one(struct watch *w, struct json_object *domain)
{
	struct json_object *before = NULL;
	struct watched *src = source_of(w, domain);
	char text[80];

	if (!src && w->all && strcmp(text_of(domain, "domain"), "0") && !strcmp(text_of(domain, "paging"), "ept")) {
		snprintf(text, sizeof(text), "xen:%.40s%s", text_of(domain, "domain"), w->all_costs ? ",costs=yes" : "");
		watch_add(w, text, true);
		return;
	}
	if (!src || !w->listed)
		return;
	/* a new domain under a name that is watched, or one that changed */
	if (!json_object_object_get_ex(w->listed, text_of(domain, "domain"), &before) || !same(before, domain))
		watch_touch(src, WATCH_BY_LIST);
}

void live_take(struct watch *w, struct json_object *lines)
{
	struct json_object *now = json_object_new_object();
	struct watched *src, *next;

	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i);

		if (strcmp(text_of(o, "record"), "live_domain"))
			continue;
		json_object_object_add(now, text_of(o, "domain"), json_object_get(o));
		take_one(w, o);
	}
	DL_FOREACH_SAFE(w->sources, src, next)
		if (src->dynamic && !json_object_object_get_ex(now, src->spec.target, NULL))
			watch_remove(src);
	json_object_put(w->listed);
	w->listed = now;
}
