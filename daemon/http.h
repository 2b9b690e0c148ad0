/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is watched, in numbers: on a port of this host, and in a file for node_exporter.
 */
#ifndef EMT_DAEMON_HTTP_H
#define EMT_DAEMON_HTTP_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "base/err.h"

struct server;
struct watch;
struct http;

/* Metrics of all sources and of emtd itself. Two forms differ in how they name counters:
 * OpenMetrics 1.0, or Prometheus text 0.0.4, which node_exporter reads. */
void exposition(const struct watch *w, struct evbuffer *to, bool openmetrics);
/* Write it where the configuration says; replaced in one step. */
void exposition_file(struct watch *w);

/* Listen on localhost, where http_port asks for it; '*out' stays NULL where not. */
int http_start(struct server *s, struct http **out, struct emt_err *err);
void http_stop(struct http *h);

#endif
