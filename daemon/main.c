/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "emtd.h"
#include "watch.h"

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: emtd [-c FILE] [--check] [--socket PATH] [--read-socket PATH] [--emtctl PATH]\n"
		    "       emtd --help | --version\n"
		    "emtd(8) tells more.\n");
	return status;
}

struct given {
	const char *config, *socket, *read_socket, *emtctl;
	bool check;
};

/* -1: go on; else the exit status. */
static int options(int argc, char **argv, struct given *g)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'C' },
		{ "socket", required_argument, NULL, 's' }, { "read-socket", required_argument, NULL, 'r' },
		{ "emtctl", required_argument, NULL, 'e' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },	    { NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:h", longs, NULL)) >= 0)
		switch (o) {
		case 'c': g->config = optarg; break;
		case 'C': g->check = true; break;
		case 's': g->socket = optarg; break;
		case 'r': g->read_socket = optarg; break;
		case 'e': g->emtctl = optarg; break;
		case 'h': return usage(stdout, 0);
		case 'v': printf("emtd %s\n", EMT_VERSION); return 0;
		default: return usage(stderr, 2);
		}
	return optind < argc ? usage(stderr, 2) : -1;
}

static int configure(struct server *s, const struct given *g, struct emt_err *err)
{
	const char *path = g->config ? g->config : access(config_default_path, F_OK) ? NULL : config_default_path;
	int rc = 0;

	config_defaults(&s->config);
	s->config_path = path;
	if (path)
		rc = config_read(&s->config, path, err);
	if (g->socket)
		snprintf(s->config.socket, sizeof(s->config.socket), "%s", g->socket);
	if (g->read_socket)
		snprintf(s->config.read_socket, sizeof(s->config.read_socket), "%s", g->read_socket);
	if (g->emtctl)
		snprintf(s->config.emtctl, sizeof(s->config.emtctl), "%s", g->emtctl);
	if (!rc && access(s->config.emtctl, X_OK))
		rc = emt_err_errno(err, EMT_E_NOSOURCE, s->config.emtctl, "emtctl = PATH names the program that answers",
				   "cannot be run");
	return rc;
}

int main(int argc, char **argv)
{
	struct server s = { .base = NULL };
	struct given g = { .config = NULL };
	struct emt_err err = { 0 };
	int status = options(argc, argv, &g);

	if (status >= 0)
		return status;
	if (configure(&s, &g, &err)) {
		log_err(&err);
		return 2;
	}
	if (g.check) {
		printf("the configuration is sound\n");
		return 0;
	}
	if (server_start(&s, &err)) {
		log_err(&err);
		server_stop(&s);
		return 2;
	}
	confine();
	watch_configure(s.watch);
	sd_notify(0, "READY=1");
	event_base_dispatch(s.base);
	server_stop(&s);
	return 0;
}
