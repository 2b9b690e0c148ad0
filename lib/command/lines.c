/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK (128 * 1024)
#define LINE_MAX_BYTES (64u * 1024 * 1024)

struct emt_lines {
	int fd;
	char *path;
	ZSTD_DStream *zstd;   /* NULL: plain text */
	bool open_frame;      /* inside a zstd frame: the end would be too early */
	char in[CHUNK];       /* bytes of the file */
	size_t in_used, in_len;
	bool in_end;
	char *text;           /* text not yet given out */
	size_t start, len, room;
	unsigned long line;
};

/* More bytes of the file into 'in'. 1 = some, 0 = end, <0 error. */
static int refill(struct emt_lines *l, struct emt_err *err)
{
	ssize_t n;

	do
		n = read(l->fd, l->in, sizeof(l->in));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return emt_err_errno(err, EMT_E_IO, l->path, NULL, "cannot read");
	l->in_used = 0;
	l->in_len = (size_t)n;
	l->in_end = !n;
	return n > 0;
}

int emt_lines_open(struct emt_lines **out, const char *path, struct emt_err *err)
{
	static const unsigned char magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	struct emt_lines *l = calloc(1, sizeof(*l));
	int rc = 0;

	*out = NULL;
	if (!l)
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory");
	l->path = strdup(path);
	l->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
	if (l->fd < 0)
		rc = emt_err_errno(err, errno == ENOENT ? EMT_E_NOSOURCE : EMT_E_IO, path, NULL,
				   "cannot open");
	else
		rc = refill(l, err);
	if (rc > 0 && l->in_len >= sizeof(magic) && !memcmp(l->in, magic, sizeof(magic))) {
		l->zstd = ZSTD_createDStream();
		if (!l->zstd)
			rc = emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory");
	}
	if (rc < 0) {
		emt_lines_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

static int make_room(struct emt_lines *l, struct emt_err *err)
{
	char *text;

	if (l->start) {
		memmove(l->text, l->text + l->start, l->len - l->start);
		l->len -= l->start;
		l->start = 0;
	}
	if (l->room - l->len > CHUNK)
		return 0;
	if (l->len > LINE_MAX_BYTES)
		return emt_err_set(err, EMT_E_FORMAT, l->path, NULL, "line %lu is longer than 64 MiB",
				   l->line + 1);
	text = realloc(l->text, l->len * 2 + 2 * CHUNK);
	if (!text)
		return emt_err_set(err, EMT_E_NOMEM, l->path, NULL, "not enough memory");
	l->text = text;
	l->room = l->len * 2 + 2 * CHUNK;
	return 0;
}

/* More text. 1 = some, 0 = end, <0 error. */
static int more(struct emt_lines *l, struct emt_err *err)
{
	int rc = make_room(l, err);

	while (!rc) {
		ZSTD_inBuffer in;
		ZSTD_outBuffer to;
		size_t n;

		if (l->in_used == l->in_len) {
			rc = l->in_end ? 0 : refill(l, err);
			if (rc < 0)
				return rc;
			if (!rc && l->open_frame)
				return emt_err_set(err, EMT_E_TRUNCATED, l->path, NULL,
						   "the compressed text ends too early");
			if (!rc)
				return 0;
		}
		if (!l->zstd) {
			n = l->in_len - l->in_used;
			if (n > l->room - l->len - 1)
				n = l->room - l->len - 1;
			memcpy(l->text + l->len, l->in + l->in_used, n);
			l->in_used += n;
			l->len += n;
			return 1;
		}
		in = (ZSTD_inBuffer){ l->in, l->in_len, l->in_used };
		to = (ZSTD_outBuffer){ l->text + l->len, l->room - l->len - 1, 0 };
		n = ZSTD_decompressStream(l->zstd, &to, &in);
		if (ZSTD_isError(n))
			return emt_err_set(err, EMT_E_DAMAGED, l->path, NULL, "cannot decompress: %s",
					   ZSTD_getErrorName(n));
		l->open_frame = n != 0;
		l->in_used = in.pos;
		l->len += to.pos;
		if (to.pos)
			return 1;
		rc = 0;
	}
	return rc;
}

int emt_lines_next(struct emt_lines *l, char **line, size_t *len, struct emt_err *err)
{
	size_t seen = l->start;
	char *end;
	int rc;

	while (!(end = l->len > seen ? memchr(l->text + seen, '\n', l->len - seen) : NULL)) {
		seen = l->len - l->start;
		rc = more(l, err);
		if (rc < 0)
			return rc;
		seen += l->start;
		if (rc)
			continue;
		if (l->start == l->len)
			return 0;
		end = l->text + l->len; /* the last line may lack its end */
		break;
	}
	*line = l->text + l->start;
	*len = (size_t)(end - *line);
	l->start += *len + (end < l->text + l->len);
	*end = '\0';
	if (*len && (*line)[*len - 1] == '\r')
		(*line)[--*len] = '\0';
	l->line++;
	return 1;
}

unsigned long emt_lines_number(const struct emt_lines *l)
{
	return l->line;
}

void emt_lines_close(struct emt_lines *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	ZSTD_freeDStream(l->zstd);
	free(l->path);
	free(l->text);
	free(l);
}
