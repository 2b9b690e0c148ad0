/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values: what it is about (subject), what is wrong (text) and what
 * to do next (next). Nothing below cli/ and daemon/ prints them or exits.
 */
#ifndef EMT_BASE_ERR_H
#define EMT_BASE_ERR_H

enum emt_errcode {
	EMT_OK = 0,
	EMT_E_USAGE = -1,     /* wrong words, wrong value */
	EMT_E_NOSOURCE = -2,  /* no such file, domain, process */
	EMT_E_IO = -3,        /* the system refused or failed; text has errno's */
	EMT_E_FORMAT = -4,    /* not of the format it should be */
	EMT_E_DAMAGED = -5,   /* of the format, but hash or structure is wrong */
	EMT_E_TRUNCATED = -6, /* ends too early */
	EMT_E_NEWER = -7,     /* a newer major version or a critical unknown part */
	EMT_E_NOMEM = -8,
	EMT_E_UNSUPPORTED = -9, /* not on this release, host or build */
	EMT_E_PERM = -10,
	EMT_E_GONE = -11,     /* it was there and vanished */
	EMT_E_MISSING = -12,  /* a fact is needed and not there */
	EMT_E_CANCELLED = -13,/* the user or a timeout stopped it */
	EMT_E_INTERNAL = -14,
};

struct emt_err {
	int code;           /* enum emt_errcode; 0 = none */
	unsigned long line; /* line in the subject, 1 = first; 0 = does not apply */
	unsigned int column;/* column in that line, 1 = first; 0 = does not apply */
	char subject[128];  /* file, domain, command or option it is about */
	char text[320];     /* what is wrong, one line, no full stop */
	char next[200];     /* what to do next; may be empty */
};

/* Fill 'err' (may be NULL) and return 'code'. 'subject' and 'next' may be NULL.
 * Keeps what is there already when 'err' holds an error: the first cause wins. */
int emt_err_set(struct emt_err *err, int code, const char *subject, const char *next, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The same with strerror(errno) appended to the text. */
int emt_err_errno(struct emt_err *err, int code, const char *subject, const char *next, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Stable name of a code for JSON: "usage", "no_source", "damaged" ... */
const char *emt_errcode_name(int code);

#endif
