/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of emtctl: one command asked of an emtd, its output handed on as it comes. */
#ifndef EMT_WIRE_CLIENT_H
#define EMT_WIRE_CLIENT_H

#include <signal.h>

#include "wire/message.h"

/* A connection whose hello fits; '*fd' is the caller's to close. EMT_E_NOSOURCE nobody
 * listens there, EMT_E_PERM, EMT_E_UNSUPPORTED of another protocol. */
int emt_wire_connect(const char *path, int *fd, struct emt_err *err);

struct emt_wire_sink {
	/* Pieces of standard output and error; non-zero stops, and is passed on. */
	int (*out)(const char *text, size_t len, void *arg);
	int (*err)(const char *text, size_t len, void *arg);
	void *arg;
	const volatile sig_atomic_t *cancel; /* non-zero: the command is cancelled; may be NULL */
};

/* Run 'words' there. '*exit_status' is the command's. EMT_E_IO when the daemon went away
 * or a piece was lost, EMT_E_CANCELLED, EMT_E_UNSUPPORTED when it refuses, with its reason. */
int emt_wire_ask(int fd, const char *const *words, size_t n, bool colour, unsigned int width,
		 const struct emt_wire_sink *sink, int *exit_status, struct emt_err *err);

#endif
