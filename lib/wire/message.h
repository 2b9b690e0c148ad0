/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What emtctl and emtd say to each other: one JSON object a line over a Unix stream
 * socket. emtd(8) documents it for other programs. Verbs are never reused.
 */
#ifndef EMT_WIRE_MESSAGE_H
#define EMT_WIRE_MESSAGE_H

#include "base/err.h"
#include "base/types.h"

#define EMT_WIRE_PROTOCOL 1      /* this one */
#define EMT_WIRE_OLDEST 1        /* the oldest that is still served */
#define EMT_WIRE_LINE 65536      /* bytes of a request at most, its newline included */
#define EMT_WIRE_WORDS 256       /* words of a command at most */

#define EMT_WIRE_SOCKET "/run/emtd/emtd.sock"
#define EMT_WIRE_READ_SOCKET "/run/emtd/read.sock"

enum emt_wire_verb {
	EMT_WIRE_RUN,    /* run a command: {"id":1,"verb":"run","words":["audit","5"]} */
	EMT_WIRE_CANCEL, /* stop it: {"id":1,"verb":"cancel"} */
	EMT_WIRE_PING,   /* {"id":1,"verb":"ping"}: an end with status 0 at once */
};

struct emt_wire_request {
	uint64_t id;
	enum emt_wire_verb verb;
	char **words;          /* owned, NULL at the end */
	size_t nr;
	bool colour;           /* "colour": true */
	unsigned int width;    /* "width": columns of the terminal, 0 = none */
};

/* A request out of a line (its newline may be missing). EMT_E_FORMAT names what is
 * wrong; 'id' is then set as far as it could be read. Free in any case. */
int emt_wire_request_parse(struct emt_wire_request *r, const char *line, size_t len, struct emt_err *err);
void emt_wire_request_free(struct emt_wire_request *r);

enum emt_wire_kind {
	EMT_WIRE_HELLO, /* first: {"hello":{"protocol":1,"oldest":1,"server":"emtd 0.1","right":"host"}} */
	EMT_WIRE_OUT,   /* {"id":1,"out":"text"}: of standard output */
	EMT_WIRE_ERR,   /* {"id":1,"err":"text"}: of standard error */
	EMT_WIRE_END,   /* {"id":1,"end":{"exit_status":0,"out_bytes":10,"err_bytes":0}} */
	EMT_WIRE_ERROR, /* {"id":1,"error":{"code":"busy","text":"...","next":"..."}} */
};

struct emt_wire_reply {
	enum emt_wire_kind kind;
	uint64_t id;
	unsigned int protocol, oldest; /* hello */
	char *text;                    /* out, err: owned */
	size_t len;
	int exit_status;               /* end */
	uint64_t out_bytes, err_bytes; /* end: of all pieces, so that a loss is seen */
	char code[32];                 /* error */
	char why[400], next[240];
};
int emt_wire_reply_parse(struct emt_wire_reply *r, const char *line, size_t len, struct emt_err *err);
void emt_wire_reply_free(struct emt_wire_reply *r);

/* Lines, newline included; the caller's to free, NULL when memory is short. 'len' may
 * be NULL. */
char *emt_wire_hello(const char *server, const char *right, size_t *len);
char *emt_wire_run(uint64_t id, const char *const *words, size_t n, bool colour, unsigned int width, size_t *len);
char *emt_wire_simple(uint64_t id, const char *verb, size_t *len);
char *emt_wire_piece(uint64_t id, const char *stream, const char *text, size_t n, size_t *len);
char *emt_wire_end(uint64_t id, int exit_status, uint64_t out_bytes, uint64_t err_bytes, size_t *len);
char *emt_wire_error(uint64_t id, const char *code, const char *text, const char *next, size_t *len);

#endif
