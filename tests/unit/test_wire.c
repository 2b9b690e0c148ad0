/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines between emtctl and emtd: there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

static void test_requests(void **state)
{
	const char *words[] = { "show", "5", "--where", "type == \"WB\"\n\x01 ü" };
	struct emt_wire_request r;
	struct emt_err err = { 0 };
	size_t len;
	char *line = emt_wire_run(9, words, 4, true, 132, &len);

	(void)state;
	assert_int_equal(strlen(line), len);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1); /* one line, whatever the words */
	assert_int_equal(emt_wire_request_parse(&r, line, len, &err), 0);
	assert_int_equal(r.id, 9);
	assert_int_equal(r.verb, EMT_WIRE_RUN);
	assert_int_equal(r.nr, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(r.words[i], words[i]);
	assert_null(r.words[4]);
	assert_true(r.colour);
	assert_int_equal(r.width, 132);
	emt_wire_request_free(&r);
	free(line);
	line = emt_wire_simple(3, "cancel", &len);
	assert_int_equal(emt_wire_request_parse(&r, line, len, &err), 0);
	assert_int_equal(r.verb, EMT_WIRE_CANCEL);
	emt_wire_request_free(&r);
	free(line);
}

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"", "\n", "x", "[]", "1", "{", "{}", "{}{}", "{\"id\":1}", "{\"id\":\"1\",\"verb\":\"ping\"}",
		"{\"id\":-1,\"verb\":\"ping\"}", "{\"id\":1,\"verb\":7}", "{\"id\":1,\"verb\":\"stop\"}",
		"{\"id\":1,\"verb\":\"run\"}", "{\"id\":1,\"verb\":\"run\",\"words\":[]}",
		"{\"id\":1,\"verb\":\"run\",\"words\":[1]}", "{\"id\":1,\"verb\":\"run\",\"words\":[\"a\\u0000b\"]}",
		"{\"id\":1,\"verb\":\"run\",\"words\":\"audit\"}", "{\"id\":1,\"verb\":\"ping\"} x",
		"{\"id\":1,\"verb\":\"ping\",\"x\":[[[[[[[[[[1]]]]]]]]]]}",
	};
	struct emt_wire_request r;
	char *many, *at;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lines); i++) {
		struct emt_err err = { 0 };

		if (emt_wire_request_parse(&r, lines[i], strlen(lines[i]), &err) != EMT_E_FORMAT)
			fail_msg("taken: %s", lines[i]);
		assert_true(err.text[0]);
		emt_wire_request_free(&r);
	}
	/* too many words, and a line that is too long */
	many = malloc(2 * EMT_WIRE_LINE);
	assert_non_null(many);
	at = stpcpy(many, "{\"id\":1,\"verb\":\"run\",\"words\":[\"a\"");
	for (int i = 0; i < EMT_WIRE_WORDS; i++)
		at = stpcpy(at, ",\"a\"");
	at = stpcpy(at, "]}");
	assert_int_equal(emt_wire_request_parse(&r, many, (size_t)(at - many), NULL), EMT_E_FORMAT);
	emt_wire_request_free(&r);
	memset(many, ' ', EMT_WIRE_LINE + 1);
	assert_int_equal(emt_wire_request_parse(&r, many, EMT_WIRE_LINE + 1, NULL), EMT_E_FORMAT);
	emt_wire_request_free(&r);
	free(many);
}

static void test_replies(void **state)
{
	struct emt_wire_reply r;
	struct emt_err err = { 0 };
	size_t len;
	char *line = emt_wire_hello("emtd 1", "read", &len);

	(void)state;
	assert_int_equal(emt_wire_reply_parse(&r, line, len, &err), 0);
	assert_int_equal(r.kind, EMT_WIRE_HELLO);
	assert_int_equal(r.protocol, EMT_WIRE_PROTOCOL);
	assert_int_equal(r.oldest, EMT_WIRE_OLDEST);
	emt_wire_reply_free(&r);
	free(line);
	/* bytes come through as they are: a character may be cut between two pieces */
	for (int i = 0; i < 2; i++) {
		static const char bytes[] = "a\n\"\\\x03\xc3";

		line = emt_wire_piece(4, i ? "err" : "out", bytes, sizeof(bytes) - 1, &len);
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		assert_int_equal(emt_wire_reply_parse(&r, line, len, &err), 0);
		assert_int_equal(r.kind, i ? EMT_WIRE_ERR : EMT_WIRE_OUT);
		assert_int_equal(r.id, 4);
		assert_int_equal(r.len, sizeof(bytes) - 1);
		assert_memory_equal(r.text, bytes, r.len);
		emt_wire_reply_free(&r);
		free(line);
	}
	line = emt_wire_end(5, 3, 1ull << 40, 7, &len);
	assert_int_equal(emt_wire_reply_parse(&r, line, len, &err), 0);
	assert_int_equal(r.kind, EMT_WIRE_END);
	assert_int_equal(r.exit_status, 3);
	assert_true(r.out_bytes == 1ull << 40 && r.err_bytes == 7);
	emt_wire_reply_free(&r);
	free(line);
	line = emt_wire_error(6, "busy", "later", NULL, &len);
	assert_int_equal(emt_wire_reply_parse(&r, line, len, &err), 0);
	assert_int_equal(r.kind, EMT_WIRE_ERROR);
	assert_string_equal(r.code, "busy");
	assert_string_equal(r.why, "later");
	emt_wire_reply_free(&r);
	free(line);
	assert_int_equal(emt_wire_reply_parse(&r, "{\"id\":1}", 8, &err), EMT_E_FORMAT);
	assert_int_equal(emt_wire_reply_parse(&r, "{\"id\":1,\"end\":{}}", 17, &err), EMT_E_FORMAT);
	assert_int_equal(emt_wire_reply_parse(&r, "{\"id\":1,\"out\":5}", 16, &err), EMT_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
