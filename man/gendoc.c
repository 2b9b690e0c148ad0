/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs at build time: manual pages and JSON Schemas from the tables.
 *
 *   gendoc man IN OUT    copy IN, with each line "@part@" replaced by that part
 *   gendoc schemas DIR   write NAME.json for each schema
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/mdoc.h"
#include "command/schema.h"

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "gendoc: %s: %s\n", what, why);
	return 1;
}

static int write_file(void *arg, const char *data, size_t len)
{
	return fwrite(data, 1, len, arg) == len ? 0 : errno ? errno : EIO;
}

static int part(struct emt_buffer *b, char *line, const char *path)
{
	size_t len = strcspn(line, "\n");

	if (len < 3 || line[0] != '@' || line[len - 1] != '@')
		return emt_buffer_puts(b, line) ? fail(path, "cannot write") : 0;
	line[len - 1] = '\0';
	return emt_mdoc_part(b, line + 1) ? fail(line + 1, "no such part of a manual page") : 0;
}

static int man(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = in ? fopen(to, "w") : NULL;
	struct emt_buffer b;
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (!out)
		return fail(in ? to : from, strerror(errno));
	emt_buffer_init(&b, write_file, out);
	while (!rc && getline(&line, &room, in) >= 0)
		rc = part(&b, line, to);
	if (!rc && (emt_buffer_flush(&b) || ferror(in)))
		rc = fail(to, "cannot write");
	free(line);
	emt_buffer_free(&b);
	fclose(in);
	if (fclose(out) && !rc)
		rc = fail(to, strerror(errno));
	return rc;
}

static int schema(const char *dir, const struct emt_reply *reply)
{
	char *text = emt_schema_text(reply), *path = NULL;
	FILE *out = NULL;
	int rc = 1;

	if (text && asprintf(&path, "%s/%s.json", dir, reply ? reply->schema : EMT_SCHEMA_ERROR) >= 0) {
		out = fopen(path, "w");
		rc = !out || fputs(text, out) < 0;
		rc |= out && fclose(out);
	}
	if (rc)
		fail(path ? path : dir, strerror(errno));
	free(path);
	free(text);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (argc == 4 && !strcmp(argv[1], "man"))
		return man(argv[2], argv[3]);
	if (argc != 3 || strcmp(argv[1], "schemas"))
		return fail("usage", "gendoc man IN OUT | gendoc schemas DIR");
	for (unsigned int i = 0; i < emt_nr_commands && !rc; i++)
		rc = schema(argv[2], emt_commands[i]->reply);
	return rc ? rc : schema(argv[2], NULL);
}
