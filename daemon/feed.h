/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands about emtd's knowledge read: JSON objects, one a line, on their standard
 * input. One that reads too slowly loses events, and is told how many.
 */
#ifndef EMT_DAEMON_FEED_H
#define EMT_DAEMON_FEED_H

#include <json-c/json_types.h>

#include "command/parse.h"

struct feed;
struct server;
struct watched;
struct seen_domain;

/* For a command as parsed; NULL: not enough memory. */
struct feed *feed_new(struct server *s, const struct emt_parse *p);
/* Its process is about to start: '*in' is what it reads, the caller's to close. 0 or -1. */
int feed_open(struct feed *f, int *in);
void feed_free(struct feed *f); /* may be NULL */

/* To all feeds that wait for it. */
void feeds_event(struct server *s, struct json_object *event);
void feeds_state(struct server *s, const struct watched *src, const struct seen_domain *d);

/* Events that all feeds together lost since emtd began. */
uint64_t feeds_lost(void);

#endif
