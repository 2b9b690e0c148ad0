/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/toolstack.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { HC_PLATFORM = 7, HC_MEMORY = 12, HC_PHYSDEV = 33, HC_HVM = 34, HC_DOMCTL = 36, HC_DM_OP = 41 };

static const char *const names[EMT_EV_NR] = {
	[EMT_EV_CREATE] = "create", [EMT_EV_DESTROY] = "destroy", [EMT_EV_LOGDIRTY] = "log-dirty",
	[EMT_EV_IOMEM] = "iomem-permission", [EMT_EV_IOPORT] = "ioport-permission",
	[EMT_EV_MAPPING] = "memory-mapping", [EMT_EV_ASSIGN] = "assign-device",
	[EMT_EV_DEASSIGN] = "deassign-device", [EMT_EV_PIN] = "pin", [EMT_EV_UNPIN] = "unpin",
	[EMT_EV_MEM_TYPE] = "set-mem-type", [EMT_EV_IOREQ_TYPE] = "ioreq-mem-type",
	[EMT_EV_RELOCATE] = "relocate-memory", [EMT_EV_INCREASE] = "increase-reservation",
	[EMT_EV_DECREASE] = "decrease-reservation", [EMT_EV_POPULATE] = "populate-physmap",
	[EMT_EV_EXCHANGE] = "exchange", [EMT_EV_ADD_PHYSMAP] = "add-to-physmap",
	[EMT_EV_ADD_BATCH] = "add-to-physmap-batch", [EMT_EV_REMOVE_PHYSMAP] = "remove-from-physmap",
	[EMT_EV_POD_TARGET] = "pod-target", [EMT_EV_MEM_ACCESS] = "mem-access",
	[EMT_EV_MSIX_PREPARE] = "prepare-msix", [EMT_EV_MSIX_RELEASE] = "release-msix",
	[EMT_EV_PCI_ADD] = "pci-add", [EMT_EV_PCI_REMOVE] = "pci-remove",
	[EMT_EV_HOST_MTRR] = "host-mtrr-add", [EMT_EV_HOST_MTRR_DEL] = "host-mtrr-delete",
	[EMT_EV_FOREIGN] = "foreign-mapping",
};

const char *emt_event_name(unsigned int what)
{
	return what < EMT_EV_NR ? names[what] : "?";
}

int emt_event_by_name(const char *name)
{
	for (int i = 0; i < EMT_EV_NR; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

/* Where the device stands: the structure grew a kind of device in front (4.6), then
 * flags too (4.10). */
static uint32_t sbdf_of(uint32_t iface, const uint8_t *d)
{
	return get32(d + (iface <= 0x0a ? 0 : iface < 0x0e ? 4 : 8));
}

static void pin(struct emt_toolstack_event *e, uint64_t first, uint64_t last, uint32_t type)
{
	bool gone = type == UINT32_MAX;

	e->what = gone ? EMT_EV_UNPIN : EMT_EV_PIN;
	e->gfn = first;
	e->count = last >= first ? last - first + 1 : 0;
	e->type = gone ? -1 : (int64_t)type;
}

static bool domctl(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	const uint8_t *d = c->data;

	switch (c->cmd) {
	case 1:
		e->what = EMT_EV_CREATE;
		if (c->iface >= 0x12) { /* 4.13: XEN_DOMCTL_CDF_iommu is one of the flags */
			e->type = get32(d + 20);
			e->on = e->type & 1 << 5;
		}
		return true;
	case 2: e->what = EMT_EV_DESTROY; return true;
	case 10:
		e->what = EMT_EV_LOGDIRTY;
		e->type = get32(d);
		/* off, enable, enable of old, clean: looking and pool sizes change nothing */
		e->on = e->type != 0;
		return e->type == 0 || e->type == 2 || e->type == 11 || e->type == 32;
	case 20:
		e->what = EMT_EV_IOMEM;
		e->mfn = get64(d);
		e->count = get64(d + 8);
		e->on = d[16];
		return true;
	case 21:
		e->what = EMT_EV_IOPORT;
		e->port = get32(d);
		e->count = get32(d + 4);
		e->on = d[8];
		return true;
	case 37:
	case 47:
		e->what = c->cmd == 37 ? EMT_EV_ASSIGN : EMT_EV_DEASSIGN;
		e->sbdf = sbdf_of(c->iface, d);
		return true;
	case 39:
		e->what = EMT_EV_MAPPING;
		e->gfn = get64(d);
		e->mfn = get64(d + 8);
		e->count = get64(d + 16);
		e->on = get32(d + 24);
		return true;
	case 41: /* until 4.10; a dm_op since */
		pin(e, get64(d), get64(d + 8), get32(d + 16));
		return true;
	default:
		return false;
	}
}

static bool memory(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	static const uint8_t reservations[] = { [0] = EMT_EV_INCREASE, [1] = EMT_EV_DECREASE, [6] = EMT_EV_POPULATE };
	const uint8_t *d = c->data;

	switch (c->cmd) {
	case 0:
	case 1:
	case 6: /* the answer is how many extents were done */
		e->what = (enum emt_event_what)reservations[c->cmd];
		e->gfn = c->first_extent;
		e->count = (uint64_t)c->ret << (get32(d + 16) & 63);
		return c->ret > 0;
	case 7:
		e->what = EMT_EV_ADD_PHYSMAP;
		e->type = get32(d + 4);
		e->gfn = get64(d + 16);
		e->count = e->type == 3 /* XENMAPSPACE_gmfn_range */ ? get16(d + 2) : 1;
		return true;
	case 11:
		e->what = EMT_EV_EXCHANGE;
		e->gfn = c->first_extent;
		e->count = get64(d + 8) << (get32(d + 16) & 63);
		return true;
	case 15:
		e->what = EMT_EV_REMOVE_PHYSMAP;
		e->gfn = get64(d + 8);
		e->count = 1;
		return true;
	case 16:
		e->what = EMT_EV_POD_TARGET;
		e->count = get64(d);
		return true;
	case 21:
		e->what = EMT_EV_MEM_ACCESS;
		e->type = d[0];
		e->count = get32(d + 4);
		e->gfn = get64(d + 8);
		return d[0] != 1; /* get_access */
	case 23:
		e->what = EMT_EV_ADD_BATCH;
		e->type = get16(d + 2);
		e->gfn = c->first_extent;
		e->count = get16(d + 4);
		return true;
	default:
		return false;
	}
}

static bool dm_op(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	const uint8_t *d = c->data;

	switch (c->cmd) {
	case 12:
		e->what = EMT_EV_MEM_TYPE;
		e->count = get32(d);
		e->type = get16(d + 4);
		e->gfn = get64(d + 8);
		return true;
	case 15:
		e->what = EMT_EV_IOREQ_TYPE;
		e->type = get16(d + 2);
		e->on = get32(d + 4);
		return true;
	case 17:
		e->what = EMT_EV_RELOCATE;
		e->count = get32(d);
		e->gfn = get64(d + 8);
		e->to = get64(d + 16);
		return true;
	case 18:
		pin(e, get64(d), get64(d + 8), get32(d + 16));
		return true;
	default:
		return false;
	}
}

/* xen_hvm_set_mem_type: of Xen before 4.9 */
static bool hvm_op(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	const uint8_t *d = c->data;

	if (c->cmd != 8)
		return false;
	e->what = EMT_EV_MEM_TYPE;
	e->type = get16(d + 2);
	e->count = get32(d + 4);
	e->gfn = get64(d + 8);
	return true;
}

static bool platform(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	const uint8_t *d = c->data;

	if (c->cmd == 31) {
		e->what = EMT_EV_HOST_MTRR;
		e->mfn = get64(d);
		e->count = get64(d + 8);
		e->type = get32(d + 16);
	} else if (c->cmd == 32) {
		e->what = EMT_EV_HOST_MTRR_DEL;
	}
	return c->cmd == 31 || c->cmd == 32;
}

static bool physdev(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	const uint8_t *d = c->data;

	switch (c->cmd) {
	case 15:
	case 20:
	case 25: e->what = EMT_EV_PCI_ADD; break;
	case 16:
	case 26: e->what = EMT_EV_PCI_REMOVE; break;
	case 30: e->what = EMT_EV_MSIX_PREPARE; break;
	case 31: e->what = EMT_EV_MSIX_RELEASE; break;
	default: return false;
	}
	if (c->cmd < 25) /* before Xen 4.2: bus and function alone */
		e->sbdf = d[0] << 8 | d[1];
	else
		e->sbdf = (int64_t)get16(d) << 16 | d[2] << 8 | d[3];
	return true;
}

/* Of no domain if it is none, or one of Xen's own. */
static void begin(struct emt_toolstack_event *e, uint32_t domid)
{
	*e = (struct emt_toolstack_event){
		.domid = domid >= 0x7ff0 ? EMT_EVENT_NO_DOMAIN : domid, .gfn = EMT_NO_FRAME, .mfn = EMT_NO_FRAME,
		.to = EMT_NO_FRAME, .port = EMT_NO_FRAME, .type = -1, .sbdf = -1,
	};
}

void emt_toolstack_mapping(struct emt_toolstack_event *e, uint32_t domid, uint64_t gfn, uint64_t mfn, uint64_t count)
{
	begin(e, domid);
	e->what = EMT_EV_FOREIGN;
	e->gfn = gfn;
	e->mfn = mfn;
	e->count = count;
}

bool emt_toolstack_decode(const struct emt_toolstack_call *c, struct emt_toolstack_event *e)
{
	begin(e, c->domid);
	e->pid = c->pid;
	memcpy(e->command, c->command, sizeof(e->command));
	e->command[sizeof(e->command) - 1] = '\0';
	if (c->ret < 0)
		return false;
	switch (c->op) {
	case HC_DOMCTL: return domctl(c, e);
	case HC_MEMORY: return memory(c, e);
	case HC_DM_OP: return dm_op(c, e);
	case HC_HVM: return hvm_op(c, e);
	case HC_PLATFORM: return platform(c, e);
	case HC_PHYSDEV: return physdev(c, e);
	default: return false;
	}
}

/* ---- words ---- */

static const char *range(uint64_t first, uint64_t count, char *out, size_t room)
{
	if (count > 1)
		snprintf(out, room, "0x%llx-0x%llx", (unsigned long long)first,
			 (unsigned long long)(first + count - 1));
	else
		snprintf(out, room, "0x%llx", (unsigned long long)first);
	return out;
}

static const char *device(int64_t sbdf, char *out, size_t room)
{
	snprintf(out, room, "%04x:%02x:%02x.%x", (unsigned int)(sbdf >> 16), (unsigned int)(sbdf >> 8 & 0xff),
		 (unsigned int)(sbdf >> 3 & 0x1f), (unsigned int)(sbdf & 7));
	return out;
}

char *emt_event_text(const struct emt_toolstack_event *e, char *out, size_t room)
{
	char a[64], b[64];

	switch (e->what) {
	case EMT_EV_CREATE: snprintf(out, room, "creates the domain%s", e->on ? ", with IOMMU tables" : ""); break;
	case EMT_EV_DESTROY: snprintf(out, room, "destroys the domain"); break;
	case EMT_EV_LOGDIRTY: snprintf(out, room, "log-dirty mode: operation %lld", (long long)e->type); break;
	case EMT_EV_IOMEM:
		snprintf(out, room, "%s I/O memory %s", e->on ? "gives" : "takes", range(e->mfn, e->count, a, sizeof(a)));
		break;
	case EMT_EV_IOPORT:
		snprintf(out, room, "%s I/O ports %s", e->on ? "gives" : "takes", range(e->port, e->count, a, sizeof(a)));
		break;
	case EMT_EV_MAPPING:
		snprintf(out, room, "%s device memory %s at %s", e->on ? "maps" : "unmaps",
			 range(e->mfn, e->count, a, sizeof(a)), range(e->gfn, e->count, b, sizeof(b)));
		break;
	case EMT_EV_ASSIGN: snprintf(out, room, "assigns device %s", device(e->sbdf, a, sizeof(a))); break;
	case EMT_EV_DEASSIGN: snprintf(out, room, "takes device %s", device(e->sbdf, a, sizeof(a))); break;
	case EMT_EV_PIN:
		snprintf(out, room, "pins %s as %s", range(e->gfn, e->count, a, sizeof(a)),
			 e->type == 7 ? "UC-" : emt_mt_name((unsigned int)e->type));
		break;
	case EMT_EV_UNPIN: snprintf(out, room, "unpins %s", range(e->gfn, e->count, a, sizeof(a))); break;
	case EMT_EV_MEM_TYPE:
		snprintf(out, room, "sets memory type %lld of %s", (long long)e->type,
			 range(e->gfn, e->count, a, sizeof(a)));
		break;
	case EMT_EV_RELOCATE:
		snprintf(out, room, "moves %s to %s", range(e->gfn, e->count, a, sizeof(a)),
			 range(e->to, e->count, b, sizeof(b)));
		break;
	case EMT_EV_HOST_MTRR:
		snprintf(out, room, "adds a host MTRR: %s as %s", range(e->mfn, e->count, a, sizeof(a)),
			 emt_mt_name((unsigned int)e->type));
		break;
	case EMT_EV_PCI_ADD: snprintf(out, room, "names device %s to Xen", device(e->sbdf, a, sizeof(a))); break;
	case EMT_EV_PCI_REMOVE: snprintf(out, room, "takes device %s from Xen", device(e->sbdf, a, sizeof(a))); break;
	case EMT_EV_FOREIGN:
		snprintf(out, room, "mapped into a process: %s, found at %s", range(e->gfn, e->count, a, sizeof(a)),
			 range(e->mfn, e->count, b, sizeof(b)));
		break;
	case EMT_EV_MSIX_PREPARE:
	case EMT_EV_MSIX_RELEASE:
		snprintf(out, room, "%s of device %s", names[e->what], device(e->sbdf, a, sizeof(a)));
		break;
	default:
		if (e->gfn != EMT_NO_FRAME)
			snprintf(out, room, "%s: %llu pages from 0x%llx on", names[e->what],
				 (unsigned long long)e->count, (unsigned long long)e->gfn);
		else if (e->count)
			snprintf(out, room, "%s: %llu pages", names[e->what], (unsigned long long)e->count);
		else
			snprintf(out, room, "%s", names[e->what]);
		break;
	}
	return out;
}
