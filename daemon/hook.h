/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of findings, and the command run for a new one.
 */
#ifndef EMT_DAEMON_HOOK_H
#define EMT_DAEMON_HOOK_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server;
struct watch;
struct hooks;

/* One line on standard output, where findings_log asks for it. What a full pipe does not
 * take is counted, and told with the next line it takes. */
void log_event(struct watch *w, struct json_object *event);

struct hooks *hooks_new(struct server *s);
void hooks_free(struct hooks *h);
/* A new finding: run the hook if it is grave enough. */
void hooks_event(struct hooks *h, struct json_object *event);
struct hook_stats {
	uint64_t runs, failures, lost; /* lost: findings that it was not run for */
};
void hooks_stats(const struct hooks *h, struct hook_stats *out);
bool hooks_ended(struct hooks *h, pid_t pid, int status);

#endif
