/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines on the socket, of either side: no crash; what is refused says why. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct emt_wire_request request;
	struct emt_wire_reply reply;
	struct emt_err err = { 0 };

	if (emt_wire_request_parse(&request, (const char *)data, size, &err)) {
		if (!err.code || !err.text[0])
			abort();
	} else if (request.verb == EMT_WIRE_RUN && (!request.nr || request.words[request.nr])) {
		abort();
	}
	emt_wire_request_free(&request);
	if (!emt_wire_reply_parse(&reply, (const char *)data, size, &err) &&
	    (reply.kind == EMT_WIRE_OUT || reply.kind == EMT_WIRE_ERR) && !reply.text)
		abort();
	emt_wire_reply_free(&reply);
	return 0;
}
