/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "audit/audit.h"

static const char *const verdict_names[EMT_V_NR] = {
	[EMT_V_NOT_PRESENT] = "not-present", [EMT_V_OK] = "ok", [EMT_V_PENDING] = "pending",
	[EMT_V_UNDETERMINED] = "undetermined", [EMT_V_INHERITED] = "inherited", [EMT_V_STALE] = "stale-by-design",
	[EMT_V_SUSPECT] = "suspect", [EMT_V_UNSPLIT] = "unsplit", [EMT_V_MISCONFIGURED] = "misconfigured",
	[EMT_V_MISMATCH] = "mismatch",
};

static const char *const severity_names[EMT_SEV_NR] = { "info", "notice", "warning", "error", "critical" };

static const struct {
	const char *name, *text;
} reasons[EMT_WHY_NR] = {
	[EMT_WHY_NONE] = { "none", "" },
	[EMT_WHY_VCPUS] = { "vcpus-differ", "it follows the MTRRs of one vCPU; others would give another type" },
	[EMT_WHY_REVOKED] = { "revoked",
		"the last I/O right was revoked after it was computed, and that recomputes nothing" },
	[EMT_WHY_REVOKED_MTRR] = { "revoked-mtrr",
		"the last I/O right was revoked after it was computed, and guest MTRRs may have changed since: only history explains it" },
	[EMT_WHY_HOST_MTRR] = { "host-mtrr", "dom0 changed a host MTRR after it was computed, and that recomputes nothing" },
	[EMT_WHY_MMIO_RO] = { "mmio-ro", "read-only MMIO ranges changed after it was computed, and that recomputes nothing" },
	[EMT_WHY_GUARD] = { "guard", "this release does not recompute types for such a domain when guest MTRRs change" },
	[EMT_WHY_ONCE] = { "computed-once", "this release computes a type once, when the entry is written" },
	[EMT_WHY_SPLIT_2M] = { "split-2m", "it has the type of the 2 MiB superpage that it was split from" },
	[EMT_WHY_SPLIT_1G] = { "split-1g", "it has the type of the 1 GiB superpage that it was split from" },
	[EMT_WHY_EMT_RESERVED] = { "emt-reserved", "a reserved memory type: hardware refuses the entry" },
	[EMT_WHY_WRITE_ONLY] = { "write-only", "writable but not readable: hardware refuses the entry" },
	[EMT_WHY_INTERMEDIATE] = { "intermediate", "an intermediate entry carries a memory type that its hypervisor never writes" },
	[EMT_WHY_EMT7_OLD] = { "emt-7", "memory type 7 before Xen 4.5 is no mark: hardware refuses the entry" },
	[EMT_WHY_RECALC] = { "recalc", "recalc is set without EMT 7; no completed operation of Xen leaves that" },
	[EMT_WHY_NONCOHERENT] = { "noncoherent",
		"non-coherent DMA was registered or unregistered after it was written, and this kernel zaps nothing then" },
	[EMT_WHY_CR0_CD] = { "cr0-cd",
		"guest CR0.CD changed after it was written, and with the quirk CD_NW_CLEARED nothing is zapped then" },
	[EMT_WHY_NO_TYPE] = { "no-type", "the source shows no memory type" },
	[EMT_WHY_RAM_FORCED] = { "ram-forced", "RAM ends uncached whatever the guest's page tables ask for" },
	[EMT_WHY_RAM_RULED] = { "ram-ruled", "RAM ends uncached by MTRRs or a pin, as the release's rules or a named gap of them have it" },
	[EMT_WHY_RAM_ASKED] = { "ram-asked", "RAM ends uncached because the guest's page tables ask for it" },
	[EMT_WHY_CACHES_OFF] = { "caches-off", "RAM ends uncached because the guest has its caches off (CR0.CD)" },
	[EMT_WHY_MMIO_CACHED] = { "device-cached", "device memory ends cached" },
	[EMT_WHY_ALIAS_FORCED] = { "alias-forced",
		"RAM is reached cached and uncached, and not by the guest's page tables alone" },
	[EMT_WHY_ALIAS_ASKED] = { "alias-asked", "the guest's page tables reach RAM cached and uncached" },
	[EMT_WHY_ALIAS_DEVICE] = { "alias-device", "device memory is reached with several types" },
	[EMT_WHY_TABLES_UNREAD] = { "tables-unread", "guest page tables could not be read: what they map is not looked at" },
	[EMT_WHY_PV_IDENTITY_MISSING] = { "identity-missing",
		"device memory is missing in the p2m: a mapping of it is not present and will fault" },
	[EMT_WHY_PV_IDENTITY_ON_RAM] = { "identity-on-ram",
		"RAM is identity in the p2m: its use reaches the machine frame of that number, whoever has it" },
	[EMT_WHY_PV_MISSING_IN_HOLE] = { "missing-in-hole",
		"a hole in the memory map, or what is above it, is missing: device memory there could not be mapped" },
	[EMT_WHY_PV_FRAME_IN_HOLE] = { "frame-in-hole",
		"a machine frame stands where no RAM is: a mapping of what is there reaches that memory" },
	[EMT_WHY_PV_M2P] = { "m2p-mismatch", "Xen's M2P gives the frame another place" },
	[EMT_WHY_PV_WRONG_IDENTITY] = { "wrong-identity", "the p2m says identity, of another frame" },
	[EMT_WHY_PV_IOMAP] = { "identity-missing-iomap",
		"device memory is missing in the p2m: a mapping without _PAGE_IOMAP is not present and will fault" },
};

const char *emt_verdict_name(unsigned int verdict)
{
	return verdict < EMT_V_NR ? verdict_names[verdict] : "?";
}

int emt_verdict_parse(const char *text)
{
	for (int i = 0; i < EMT_V_NR; i++)
		if (!strcmp(verdict_names[i], text))
			return i;
	return -1;
}

const char *emt_severity_name(unsigned int severity)
{
	return severity < EMT_SEV_NR ? severity_names[severity] : "?";
}

int emt_severity_parse(const char *text)
{
	for (int i = 0; i < EMT_SEV_NR; i++)
		if (!strcmp(severity_names[i], text))
			return i;
	return -1;
}

const char *emt_reason_name(unsigned int why)
{
	return why < EMT_WHY_NR ? reasons[why].name : "?";
}

const char *emt_reason_text(unsigned int why)
{
	return why < EMT_WHY_NR ? reasons[why].text : "";
}

enum emt_severity emt_verdict_severity(enum emt_verdict verdict)
{
	switch (verdict) {
	case EMT_V_MISMATCH:
	case EMT_V_UNSPLIT:
	case EMT_V_MISCONFIGURED: return EMT_SEV_ERROR;
	case EMT_V_SUSPECT: return EMT_SEV_WARNING;
	case EMT_V_STALE:
	case EMT_V_INHERITED:
	case EMT_V_UNDETERMINED: return EMT_SEV_NOTICE;
	default: return EMT_SEV_INFO;
	}
}

enum emt_severity emt_defect_level(const struct emt_defect *d)
{
	switch (d->severity) {
	case EMT_DEF_SECURITY: return EMT_SEV_CRITICAL;
	case EMT_DEF_CORRUPTION: return EMT_SEV_ERROR;
	case EMT_DEF_PERFORMANCE: return EMT_SEV_WARNING;
	default: return EMT_SEV_INFO;
	}
}
