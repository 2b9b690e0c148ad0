/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/backend.h"
#include "xen/internal.h"

static const struct emt_xen_backend *override;

void emt_xen_override(const struct emt_xen_backend *backend)
{
	override = backend;
}

const char *emt_xen_release(const struct emt_xen *x)
{
	return x->release;
}

bool emt_xen_consent(const struct emt_xen *x)
{
	return x->consent;
}

void emt_xen_allow_changes(struct emt_xen *x)
{
	x->changes = true;
}

const struct emt_xen_iface *emt_xen_known(const struct emt_xen *x)
{
	return x->iface;
}

uint64_t emt_xen_issued(const struct emt_xen *x, enum emt_xen_call id)
{
	return x->issued[id];
}

void *emt_xen_buffer(struct emt_xen *x, size_t bytes)
{
	return x->be->alloc(x->handle, bytes < EMT_XEN_ARG ? EMT_XEN_ARG : bytes);
}

void emt_xen_buffer_free(struct emt_xen *x, void *p)
{
	x->be->free(x->handle, p);
}

int emt_xen_may(const struct emt_xen *x, enum emt_xen_call id, struct emt_err *err)
{
	const struct emt_xen_call_desc *d = &emt_xen_calls[id];

	if (d->cost == EMT_XEN_NEVER || d->via == EMT_XEN_VIA_NONE)
		return emt_err_set(err, EMT_E_INTERNAL, x->subject, NULL, "%s is never issued: it %s", d->name,
				   d->effect);
	if (d->versioned && !x->iface)
		return emt_err_set(err, EMT_E_UNSUPPORTED, x->subject, "use an emt that knows this release",
				   "%s: its form in Xen %s is not known (known: %s)", d->name, x->release,
				   emt_xen_iface_range());
	if (d->cost == EMT_XEN_COSTS && !x->consent)
		return emt_err_set(err, EMT_E_USAGE, x->subject, "allow it: xen:DOMAIN,costs=yes",
				   "not without being asked: %s %s", d->name, d->effect);
	if (d->cost == EMT_XEN_CHANGES && !x->changes)
		return emt_err_set(err, EMT_E_USAGE, x->subject, "agree to it with -y",
				   "not without being asked: %s %s", d->name, d->effect);
	return 0;
}

/* errno of a hypercall in words of its own. */
static int failed(const struct emt_xen *x, enum emt_xen_call id, const char *about, struct emt_err *err)
{
	const struct emt_xen_call_desc *d = &emt_xen_calls[id];
	bool domain = d->via == EMT_XEN_VIA_DOMCTL || d->via == EMT_XEN_VIA_HVM || id == EMT_XC_MAX_GFN;

	switch (errno) {
	case EPERM:
		return emt_err_set(err, EMT_E_PERM, about, "run it as root in dom0", "%s: not permitted", d->name);
	case EACCES:
		return emt_err_set(err, EMT_E_UNSUPPORTED, about, "emtctl version says which releases it knows",
				   "%s: Xen %s refuses the interface version of its release, or a security policy "
				   "forbids it", d->name, x->release);
	case ESRCH:
		if (domain)
			return emt_err_set(err, EMT_E_GONE, about, "xl list shows those there are",
					   "no such domain, or it vanished");
		return emt_err_set(err, EMT_E_GONE, about, NULL, "%s: what it asks for is not there", d->name);
	case ENOSYS:
	case EOPNOTSUPP:
		return emt_err_set(err, EMT_E_UNSUPPORTED, about, NULL, "%s: this Xen does not have it", d->name);
	}
	return emt_err_errno(err, EMT_E_IO, about, NULL, "%s", d->name);
}

int emt_xen_issue(struct emt_xen *x, enum emt_xen_call id, void *arg, const char *about, long *result,
		  struct emt_err *err)
{
	static const unsigned int numbers[] = {
		[EMT_XEN_VIA_VERSION] = 17, [EMT_XEN_VIA_MEMORY] = 12, [EMT_XEN_VIA_SYSCTL] = 35,
		[EMT_XEN_VIA_DOMCTL] = 36, [EMT_XEN_VIA_PLATFORM] = 7, [EMT_XEN_VIA_HVM] = 34,
	};
	const struct emt_xen_call_desc *d = &emt_xen_calls[id];
	uint32_t head[2] = { d->cmd, EMT_XEN_PLATFORM_VERSION };
	char *key = NULL;
	long ret;
	int rc = emt_xen_may(x, id, err);

	if (!rc && d->via == EMT_XEN_VIA_FOREIGN)
		rc = emt_err_set(err, EMT_E_INTERNAL, x->subject, NULL, "%s is no hypercall", d->name);
	if (rc)
		return rc;
	if (!about)
		about = x->subject;
	if (!arg && d->via != EMT_XEN_VIA_VERSION && d->via != EMT_XEN_VIA_MEMORY)
		return emt_err_set(err, EMT_E_INTERNAL, about, NULL, "%s without its arguments", d->name);
	if (d->key && arg) {
		key = emt_xen_buffer(x, 1);
		if (!key)
			return xen_nomem(x, err);
		*key = d->key;
		xen_put64(arg, SYSCTL_U, (uint64_t)(uintptr_t)key);
		xen_put32(arg, SYSCTL_U + 8, 1);
	}
	if (d->op && arg)
		xen_put32(arg, SYSCTL_U, d->op - 1u);
	x->issued[id]++;
	switch (d->via) {
	case EMT_XEN_VIA_VERSION:
	case EMT_XEN_VIA_MEMORY:
	case EMT_XEN_VIA_HVM:
		ret = x->be->call(x->handle, numbers[d->via], d->cmd, (uint64_t)(uintptr_t)arg);
		break;
	default:
		if (d->via != EMT_XEN_VIA_PLATFORM)
			head[1] = d->via == EMT_XEN_VIA_SYSCTL ? x->iface->sysctl : x->iface->domctl;
		memcpy(arg, head, sizeof(head));
		ret = x->be->call(x->handle, numbers[d->via], (uint64_t)(uintptr_t)arg, 0);
	}
	x->last_errno = ret < 0 ? errno : 0;
	rc = ret < 0 ? failed(x, id, about, err) : 0;
	if (key)
		emt_xen_buffer_free(x, key);
	if (result)
		*result = ret < 0 ? 0 : ret;
	return rc;
}

static int read_release(struct emt_xen *x, struct emt_err *err)
{
	unsigned int major, minor;
	char *extra;
	long v = 0;
	int rc = emt_xen_issue(x, EMT_XC_VERSION, NULL, NULL, &v, err);

	if (rc)
		return rc;
	extra = emt_xen_buffer(x, 16);
	if (!extra)
		return xen_nomem(x, err);
	rc = emt_xen_issue(x, EMT_XC_EXTRAVERSION, extra, NULL, NULL, err);
	major = (unsigned int)(v >> 16) & 0xffff;
	minor = (unsigned int)v & 0xffff;
	snprintf(x->release, sizeof(x->release), "%u.%u%.16s", major, minor, rc ? "" : extra);
	x->iface = emt_xen_iface(major, minor);
	emt_xen_buffer_free(x, extra);
	return rc;
}

int emt_xen_open(struct emt_xen **out, const struct emt_xen_backend *backend, bool consent,
		 const char *subject, struct emt_err *err)
{
	struct emt_err why = { 0 };
	struct emt_xen *x = calloc(1, sizeof(*x));
	int rc;

	*out = NULL;
	if (!x)
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory");
	x->be = backend ? backend : override ? override : &emt_xen_libraries;
	x->subject = subject;
	x->consent = consent;
	rc = x->be->open(&x->handle, &why);
	if (rc) {
		free(x);
		return emt_err_set(err, rc, why.subject[0] ? why.subject : subject, why.next, "%s", why.text);
	}
	rc = read_release(x, err);
	if (rc)
		emt_xen_close(x);
	else
		*out = x;
	return rc;
}

void emt_xen_close(struct emt_xen *x)
{
	if (!x)
		return;
	x->be->close(x->handle);
	free(x->m2p);
	free(x);
}

long emt_xen_console(struct emt_xen *x, uint32_t *index, char *out, size_t room, uint64_t *lost,
		     struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	char *text = emt_xen_buffer(x, room);
	uint32_t n = 0, from = *index;
	int rc = EMT_E_NOMEM;

	if (!arg || !text) {
		xen_nomem(x, err);
	} else {
		arg[SYSCTL_U] = 0;     /* never clear */
		arg[SYSCTL_U + 1] = 1; /* from an index on */
		xen_put32(arg, SYSCTL_U + 4, from);
		xen_put64(arg, SYSCTL_U + 8, (uint64_t)(uintptr_t)text);
		xen_put32(arg, SYSCTL_U + 16, room > UINT32_MAX ? UINT32_MAX : (uint32_t)room);
		rc = emt_xen_issue(x, EMT_XC_CONSOLE, arg, NULL, NULL, err);
	}
	if (!rc) {
		n = xen_get32(arg, SYSCTL_U + 16);
		*index = xen_get32(arg, SYSCTL_U + 4);
		if (n > room)
			n = (uint32_t)room;
		memcpy(out, text, n);
		*lost = (uint32_t)(*index - from) - n;
	}
	emt_xen_buffer_free(x, text);
	emt_xen_buffer_free(x, arg);
	return rc ? rc : (long)n;
}
