/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

#define TIMEOUT 10          /* seconds that a connection may be silent */
#define HEADERS 8192        /* bytes */

struct http {
	struct evhttp *server;
	struct server *s;
};

static void reply_metrics(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
	struct evbuffer *text = evbuffer_new();

	if (!text) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	exposition(h->s->watch, text, openmetrics);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
			  openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" :
			  "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(req, HTTP_OK, "OK", text);
	evbuffer_free(text);
}

static void reply_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	evhttp_send_error(req, HTTP_NOTFOUND, NULL);
}

int http_start(struct server *s, struct http **out, struct emt_err *err)
{
	struct http *h;

	if (!s->config.http_port)
		return 0;
	h = calloc(1, sizeof(*h));
	if (h)
		h->server = evhttp_new(s->base);
	if (!h || !h->server) {
		free(h);
		return emt_err_set(err, EMT_E_NOMEM, "http_port", NULL, "not enough memory");
	}
	h->s = s;
	evhttp_set_timeout(h->server, TIMEOUT);
	evhttp_set_max_headers_size(h->server, HEADERS);
	evhttp_set_max_body_size(h->server, 0);
	evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_cb(h->server, "/metrics", reply_metrics, h);
	evhttp_set_gencb(h->server, reply_other, h);
	if (evhttp_bind_socket(h->server, "127.0.0.1", (ev_uint16_t)s->config.http_port)) {
		http_stop(h);
		return emt_err_errno(err, EMT_E_IO, "http_port", "choose another port, or 0 for none",
				     "cannot listen on 127.0.0.1:%u", s->config.http_port);
	}
	log_line(LOG_LEVEL_INFO, "metrics on http://127.0.0.1:%u/metrics", s->config.http_port);
	*out = h;
	return 0;
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	evhttp_free(h->server);
	free(h);
}
