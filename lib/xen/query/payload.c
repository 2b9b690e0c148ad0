/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The payload: takes the place of iommu_do_domctl(). A domctl with our magic is answered
 * here; every other one is done as the original does it.
 */
#include "payload.h"

_Static_assert(sizeof(struct emt_query) == 96 && sizeof(struct emt_query) + EMT_QUERY_AT <= 128,
	       "a request fits the argument");
_Static_assert(sizeof(struct emt_query_run) == 32 && sizeof(struct emt_query_rec) == 32, "as emt reads them");

_Static_assert(offsetof(struct dominfo, max_vcpu_id) == 68, "struct xen_domctl_getdomaininfo");

#define GET_DEVICE_GROUP 50 /* XEN_DOMCTL_get_device_group */

/* The argument of a domctl, 4.17. */
struct domctl {
	uint32_t cmd, version;
	uint16_t domain, pad[3];
	uint8_t u[128];
};

/* A check has passed since the payload was loaded. */
static uint32_t confirmed;

bool copy_out(const struct query *r, uint64_t at, unsigned int n)
{
	void *to = (void *)(r->q->buf + at);

	return !(r->hvm_caller ? copy_to_user_hvm(to, r->page, n) : copy_to_guest_pv(to, r->page, n));
}

/* Who calls: Xen keeps it at the top of this processor's stack. */
static bool from_hardware_domain(struct query *r)
{
	uint64_t sp, end, at, vcpu, d;

	__asm__("movq %%rsp, %0" : "=r"(sp));
	end = (sp | (STACK_SIZE - 1)) + 1;
	at = end - NUM(CPU_INFO_SIZEOF) + NUM(CURRENT_VCPU);
	r->field = EMT_QF_CURRENT_VCPU;
	return at > sp && at <= end - 8 && !(at & 7) && peek_raw(at, &vcpu) && is_heap(vcpu) && peek(vcpu + NUM(VCPU_DOMAIN), &d) &&
	       d == va(hardware_domain);
}

static bool same_version(const struct emt_query *q)
{
	const char *extra = xen_extra_version();
	char text[16];
	unsigned int n = 0, i;

	text[n++] = (char)('0' + xen_major_version() % 10);
	text[n++] = '.';
	if (xen_minor_version() >= 10)
		text[n++] = (char)('0' + xen_minor_version() / 10 % 10);
	text[n++] = (char)('0' + xen_minor_version() % 10);
	while (*extra && n < sizeof(text) - 1)
		text[n++] = *extra++;
	for (i = 0; i < n; i++)
		if (q->version[i] != text[i])
			return false;
	return !q->version[n];
}

/* The facts of public calls that come with the request. */
static unsigned int check(struct query *r)
{
	struct emt_query *q = r->q;

	r->field = 1;
	if (q->domid != r->info.domid)
		return EMT_QUERY_FACT;
	r->field = 2;
	if (q->nr_vcpus != r->info.max_vcpu_id + 1)
		return EMT_QUERY_FACT;
	r->field = 3;
	if (q->tot_pages != r->info.tot_pages)
		return EMT_QUERY_FACT;
	r->field = 4;
	if (q->max_gfn != domain_get_maximum_gpfn(r->d))
		return EMT_QUERY_FACT;
	r->field = 5;
	if (!same_version(q))
		return EMT_QUERY_FACT;
	if (!check_leaves(r) || !check_inputs(r))
		return EMT_QUERY_FIELD;
	confirmed = 1;
	return EMT_QUERY_OK;
}

static bool has_vmx(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 5 & 1;
}

static unsigned int answer(struct query *r)
{
	if (r->d == hardware_domain)
		return EMT_QUERY_NOT_IT;
	getdomaininfo(r->d, &r->info);
	if (r->info.flags & INFO_DYING)
		return EMT_QUERY_DYING;
	if (!(r->info.flags & INFO_HVM) || !(r->info.flags & INFO_HAP))
		return EMT_QUERY_NOT_IT;
	if (r->q->cmd != EMT_QUERY_CHECK && !confirmed)
		return EMT_QUERY_UNCHECKED;
	r->ept = has_vmx();
	if (!check_tables(r))
		return EMT_QUERY_FIELD;
	switch (r->q->cmd) {
	case EMT_QUERY_CHECK:
		return check(r);
	case EMT_QUERY_WALK:
		return walk(r);
	case EMT_QUERY_POLICY:
		return policy(r);
	case EMT_QUERY_SPECIAL:
		return special(r);
	}
	return EMT_QUERY_COMMAND;
}

static int serve(struct emt_query *q, struct domain *d, uint8_t *u_request)
{
	static const uint8_t codes[EMT_QUERY_WHY_NR] = {
		[EMT_QUERY_CALLER] = XEN_EPERM, [EMT_QUERY_NOT_IT] = XEN_EOPNOTSUPP, [EMT_QUERY_DYING] = XEN_ESRCH,
		[EMT_QUERY_UNCHECKED] = XEN_EACCES, [EMT_QUERY_FACT] = XEN_EINVAL, [EMT_QUERY_FIELD] = XEN_EINVAL,
		[EMT_QUERY_MOVED] = XEN_EAGAIN, [EMT_QUERY_COMMAND] = XEN_ENOSYS, [EMT_QUERY_BUFFER] = XEN_EFAULT,
		[EMT_QUERY_MEMORY] = XEN_ENOMEM,
	};
	struct query r = { .d = d, .q = q };
	struct dominfo own;
	unsigned int why = EMT_QUERY_CALLER, left;

	if (!d)
		return -XEN_ESRCH;
	if (from_hardware_domain(&r)) {
		getdomaininfo(hardware_domain, &own);
		r.hvm_caller = own.flags & INFO_HVM;
		r.page = alloc_xenheap_pages(0, 0);
		why = r.page ? answer(&r) : EMT_QUERY_MEMORY;
		if (r.page)
			free_xenheap_pages(r.page, 0);
	} else {
		/* no numbers, no caller: told in the error alone */
		return -XEN_EPERM;
	}
	q->magic = EMT_QUERY_REPLY;
	q->why = why;
	q->field = r.field;
	left = r.hvm_caller ? copy_to_user_hvm(u_request, q, sizeof(*q)) : copy_to_guest_pv(u_request, q, sizeof(*q));
	return left ? -XEN_EFAULT : -(int)codes[why];
}

int emt_query_domctl(struct domctl *op, struct domain *d, uint8_t *u_op);
int emt_query_domctl(struct domctl *op, struct domain *d, uint8_t *u_op)
{
	struct emt_query *q = (void *)&op->u[EMT_QUERY_AT];
	uint64_t options;

	if (op->cmd == GET_DEVICE_GROUP && q->magic == EMT_QUERY_MAGIC)
		return serve(q, d, u_op + offsetof(struct domctl, u) + EMT_QUERY_AT);
	/* as it is without us, in 4.17 */
	if (d ? !peek_n(va(d) + NUM(DOMAIN_OPTIONS), 4, &options) || !(options & OPTION_IOMMU) : !iommu_enabled)
		return -XEN_EOPNOTSUPP;
	return iommu_do_pci_domctl(op, d, u_op);
}

/* Before it is applied: the one number that others depend on, which the line above
 * reads. struct domain fills a page at most, so this reads nothing that is not there. */
static int CALLED before_apply(void *payload)
{
	uint64_t at = NUM(DOMAIN_OPTIONS), v;
	struct dominfo own;

	(void)payload;
	if (at > 4096 - 8 || at & 3)
		return -XEN_EINVAL;
	getdomaininfo(hardware_domain, &own);
	v = *(const volatile uint32_t *)((const uint8_t *)hardware_domain + at);
	if (v & ~(uint64_t)OPTIONS_ALL || (v & OPTION_HVM) != (own.flags & INFO_HVM ? OPTION_HVM : 0) ||
	    !(v & OPTION_IOMMU) != !iommu_enabled)
		return -XEN_EINVAL;
	return 0;
}

/* ---- what Xen looks for in the file ---- */

const volatile uint64_t emt_query_numbers[EMT_QF_NR] SECTION(".emt.numbers") = { 1 };

/* struct livepatch_func of the public interface, version 2. */
static const struct {
	const char *name;
	int (*new_addr)(struct domctl *op, struct domain *d, uint8_t *u_op);
	void *old_addr;       /* NULL: by name */
	uint32_t new_size, old_size;
	uint8_t version, pad[39], expect[32];
} function SECTION(".livepatch.funcs") = {
	.name = "iommu_do_domctl",
	.new_addr = emt_query_domctl,
	.new_size = 16,
	.old_size = 16,
	.version = 2,
};
_Static_assert(sizeof(function) == 104, "struct livepatch_func");

static int (*const preapply)(void *payload) SECTION(".livepatch.hooks.preapply") = before_apply;

/* The build that it belongs to: emt writes its id over these 20 bytes. */
#define NOTE(name, section) \
	static const struct { \
		uint32_t name_len, id_len, type; \
		char owner[4]; \
		uint8_t id[20]; \
	} name SECTION(section) __attribute__((aligned(4))) = { 4, 20, 3, "GNU", { 0 } }
NOTE(depends, ".livepatch.depends");
NOTE(xen_depends, ".livepatch.xen_depends");
