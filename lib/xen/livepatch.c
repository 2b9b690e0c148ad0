/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/livepatch.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "xen/internal.h"

/* Places in the argument, which begins with the command: xen/sysctl.h of 4.17. */
#define OP_U (SYSCTL_U + 8)
#define NAME_PTR OP_U
#define NAME_SIZE (OP_U + 8)
#define NAME_END (OP_U + 16)
#define STATUS_STATE NAME_END
#define STATUS_RC (NAME_END + 4)
#define STATUS_SIZE 8

#define NAME_MAX_BYTES 128
#define LIST_MAX 64

#define ACTION_UNLOAD 1
#define ACTION_REVERT 2
#define ACTION_APPLY 3
#define ACTION_NS 30000000 /* that all processors may take to meet */

#define WAIT_MS 2
#define WAIT_TIMES 5000

const char *emt_livepatch_state_name(unsigned int state)
{
	static const char *const names[] = { "absent", "uploaded", "applied" };

	return state < EMT_ARRAY_SIZE(names) ? names[state] : NULL;
}

static int can(const struct emt_xen *x, struct emt_err *err)
{
	if (x->iface && x->iface->minor >= 17)
		return 0;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "livepatch", "emtctl domains lists the other ways",
			   "its interface in Xen %s is not known, only that of 4.17 and later", x->release);
}

/* errno of a livepatch call in words of its own. */
static int explain(const struct emt_xen *x, const struct emt_err *why, int rc, const char *what, struct emt_err *err)
{
	switch (x->last_errno) {
	case ENOSYS:
	case EOPNOTSUPP:
		return emt_err_set(err, EMT_E_UNSUPPORTED, "livepatch", "emtctl domains lists the other ways",
				   "Xen %s was built without livepatch", x->release);
	case EPERM:
		return emt_err_set(err, EMT_E_PERM, "livepatch", "run it as root in dom0; a security policy (XSM) must "
				   "allow livepatch_op", "Xen does not permit to %s", what);
	case EACCES:
		return emt_err_set(err, EMT_E_PERM, "livepatch", "allow livepatch_op in the policy",
				   "a security policy (XSM) forbids to %s", what);
	case EEXIST:
		return emt_err_set(err, EMT_E_USAGE, "livepatch", "emtctl query unload takes it away",
				   "a payload of this name is there already");
	case EINVAL:
		return emt_err_set(err, EMT_E_UNSUPPORTED, "livepatch", "the boot log (xl dmesg) has Xen's reason",
				   "Xen refused to %s: the payload is for another build, or this Xen is not as it "
				   "expects", what);
	case EBUSY:
		return emt_err_set(err, EMT_E_IO, "livepatch", "try again",
				   "Xen could not %s in time: the processors did not meet, or another payload is at work",
				   what);
	}
	return emt_err_set(err, rc, why->subject, why->next, "%s", why->text);
}

/* An argument with the name in it, zeroed else; both are the caller's to free. */
static uint8_t *prepare(struct emt_xen *x, const char *name, char **text, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	size_t len = strlen(name) + 1;

	*text = emt_xen_buffer(x, NAME_MAX_BYTES);
	if (!arg || !*text || len > NAME_MAX_BYTES) {
		emt_xen_buffer_free(x, arg);
		emt_xen_buffer_free(x, *text);
		*text = NULL;
		xen_nomem(x, err);
		return NULL;
	}
	memcpy(*text, name, len);
	xen_put64(arg, NAME_PTR, (uint64_t)(uintptr_t)*text);
	xen_put16(arg, NAME_SIZE, (uint16_t)len);
	return arg;
}

/* State of the payload and what its last action came to: '*error' EAGAIN is under way. */
static int get(struct emt_xen *x, const char *name, enum emt_livepatch_state *state, int *error, struct emt_err *err)
{
	struct emt_err why = { 0 };
	char *text;
	uint8_t *arg = prepare(x, name, &text, err);
	int rc;

	*state = EMT_LIVEPATCH_ABSENT;
	*error = 0;
	if (!arg)
		return EMT_E_NOMEM;
	rc = emt_xen_issue(x, EMT_XC_LIVEPATCH_GET, arg, "livepatch", NULL, &why);
	if (!rc) {
		*state = xen_get32(arg, STATUS_STATE) == 2 ? EMT_LIVEPATCH_APPLIED : EMT_LIVEPATCH_UPLOADED;
		*error = -(int32_t)xen_get32(arg, STATUS_RC);
	} else if (x->last_errno == ENOENT) {
		rc = 0;
	} else {
		rc = explain(x, &why, rc, "tell the state of a payload", err);
	}
	emt_xen_buffer_free(x, text);
	emt_xen_buffer_free(x, arg);
	return rc;
}

/* Names stand one behind the other, each as long as its length says. */
static void count(const uint8_t *status, const char *names, const uint32_t *lens, uint32_t n, const char *name,
		  struct emt_livepatch *out)
{
	size_t at = 0;

	for (uint32_t i = 0; i < n && lens[i] && at + lens[i] <= (size_t)LIST_MAX * NAME_MAX_BYTES; at += lens[i++]) {
		const char *one = names + at;

		if (lens[i] == strlen(name) + 1 && !memcmp(one, name, lens[i]))
			continue;
		out->others++;
		if (xen_get32(status, (size_t)i * STATUS_SIZE) == 2) {
			out->applied++;
			snprintf(out->other, sizeof(out->other), "%.*s", (int)lens[i], one);
		}
	}
}

static int list(struct emt_xen *x, const char *name, struct emt_livepatch *out, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG), *status = NULL, *meta = NULL;
	char *names = NULL;
	uint32_t *lens = NULL, *meta_lens = NULL;
	struct emt_err why = { 0 };
	long n = 0;
	int rc = arg ? emt_xen_issue(x, EMT_XC_LIVEPATCH_LIST, arg, "livepatch", NULL, &why) : xen_nomem(x, &why);

	if (!rc && xen_get32(arg, OP_U + 8)) {
		size_t room = xen_get32(arg, OP_U + 20) + 4096u;

		status = emt_xen_buffer(x, (size_t)LIST_MAX * STATUS_SIZE);
		names = emt_xen_buffer(x, (size_t)LIST_MAX * NAME_MAX_BYTES);
		lens = emt_xen_buffer(x, LIST_MAX * sizeof(*lens));
		meta = emt_xen_buffer(x, room);
		meta_lens = emt_xen_buffer(x, LIST_MAX * sizeof(*meta_lens));
		memset(arg, 0, EMT_XEN_ARG);
		xen_put32(arg, OP_U + 8, LIST_MAX);
		xen_put64(arg, OP_U + 24, (uint64_t)(uintptr_t)status);
		xen_put64(arg, OP_U + 32, (uint64_t)(uintptr_t)names);
		xen_put64(arg, OP_U + 40, (uint64_t)(uintptr_t)lens);
		xen_put64(arg, OP_U + 48, (uint64_t)(uintptr_t)meta);
		xen_put64(arg, OP_U + 56, (uint64_t)(uintptr_t)meta_lens);
		rc = status && names && lens && meta && meta_lens ?
			emt_xen_issue(x, EMT_XC_LIVEPATCH_LIST, arg, "livepatch", &n, &why) : xen_nomem(x, &why);
		if (!rc)
			count(status, names, lens, n < LIST_MAX ? (uint32_t)n : LIST_MAX, name, out);
	}
	if (rc)
		rc = explain(x, &why, rc, "list the payloads", err);
	emt_xen_buffer_free(x, meta_lens);
	emt_xen_buffer_free(x, meta);
	emt_xen_buffer_free(x, lens);
	emt_xen_buffer_free(x, names);
	emt_xen_buffer_free(x, status);
	emt_xen_buffer_free(x, arg);
	return rc;
}

int emt_livepatch_status(struct emt_xen *x, const char *name, struct emt_livepatch *out, struct emt_err *err)
{
	int rc = can(x, err);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = list(x, name, out, err);
	return rc ? rc : get(x, name, &out->state, &out->error, err);
}

int emt_livepatch_upload(struct emt_xen *x, const char *name, const void *file, size_t len, struct emt_err *err)
{
	struct emt_err why = { 0 };
	uint8_t *arg, *copy;
	char *text;
	int rc = can(x, err);

	if (rc)
		return rc;
	arg = prepare(x, name, &text, err);
	copy = emt_xen_buffer(x, len);
	if (!arg || !copy) {
		rc = xen_nomem(x, err);
	} else {
		memcpy(copy, file, len);
		xen_put64(arg, NAME_END, len);
		xen_put64(arg, NAME_END + 8, (uint64_t)(uintptr_t)copy);
		rc = emt_xen_issue(x, EMT_XC_LIVEPATCH_UPLOAD, arg, "livepatch", NULL, &why);
		if (rc == EMT_E_USAGE)
			rc = emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
		else if (rc)
			rc = explain(x, &why, rc, "take a payload", err);
	}
	emt_xen_buffer_free(x, copy);
	emt_xen_buffer_free(x, text);
	emt_xen_buffer_free(x, arg);
	return rc;
}

/* An action is under way when the call returns: it is done once its state says so. */
static int wait_for(struct emt_xen *x, const char *name, const char *what, struct emt_err *err)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000 };
	enum emt_livepatch_state state;
	int error, rc;

	for (int i = 0; i < WAIT_TIMES; i++) {
		rc = get(x, name, &state, &error, err);
		if (rc)
			return rc;
		if (!error || state == EMT_LIVEPATCH_ABSENT)
			return 0;
		if (error != EAGAIN) {
			x->last_errno = errno = error;
			return explain(x, &(struct emt_err){ .subject = "livepatch" }, EMT_E_IO, what, err);
		}
		nanosleep(&pause, NULL);
	}
	return emt_err_set(err, EMT_E_IO, "livepatch", "xen-livepatch list tells its state",
			   "Xen did not %s within %d seconds", what, WAIT_MS * WAIT_TIMES / 1000);
}

static int action(struct emt_xen *x, const char *name, uint32_t cmd, const char *what, struct emt_err *err)
{
	struct emt_err why = { 0 };
	uint8_t *arg;
	char *text;
	int rc = can(x, err);

	if (rc)
		return rc;
	arg = prepare(x, name, &text, err);
	if (!arg)
		return EMT_E_NOMEM;
	xen_put32(arg, NAME_END, cmd);
	xen_put32(arg, NAME_END + 4, ACTION_NS);
	rc = emt_xen_issue(x, EMT_XC_LIVEPATCH_ACTION, arg, "livepatch", NULL, &why);
	if (rc == EMT_E_USAGE)
		rc = emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
	else if (rc)
		rc = explain(x, &why, rc, what, err);
	emt_xen_buffer_free(x, text);
	emt_xen_buffer_free(x, arg);
	return rc ? rc : wait_for(x, name, what, err);
}

int emt_livepatch_apply(struct emt_xen *x, const char *name, struct emt_err *err)
{
	return action(x, name, ACTION_APPLY, "apply the payload", err);
}

int emt_livepatch_revert(struct emt_xen *x, const char *name, struct emt_err *err)
{
	return action(x, name, ACTION_REVERT, "take the payload out of use", err);
}

int emt_livepatch_unload(struct emt_xen *x, const char *name, struct emt_err *err)
{
	return action(x, name, ACTION_UNLOAD, "free the payload", err);
}
