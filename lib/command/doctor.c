/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/doctor.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xen/dump.h"
#include "xen/query_build.h"

const char *emt_works_name(unsigned int works)
{
	static const char *const names[] = { "no", "partly", "yes" };

	return works < EMT_ARRAY_SIZE(names) ? names[works] : "no";
}

/* ---- files ---- */

static bool exists(const char *root, const char *path)
{
	char full[1024];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) && !access(full, F_OK);
}

static bool usable(const char *root, const char *path)
{
	char full[1024];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) &&
	       !access(full, R_OK | W_OK);
}

/* The beginning of a file as text; its last line end is cut. False if there is none. */
static bool slurp(const char *root, const char *path, char *out, size_t room)
{
	char full[1024];
	ssize_t n = -1;
	int fd;

	*out = '\0';
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	n = read(fd, out, room - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n >= 0;
}

static bool says_yes(const char *root, const char *path)
{
	char text[8];

	return slurp(root, path, text, sizeof(text)) && (*text == 'Y' || *text == '1');
}

static bool cpu_flag(const char *root, const char *flag)
{
	char full[1024], line[8192], want[16];
	bool found = false;
	FILE *f;

	snprintf(full, sizeof(full), "%s/proc/cpuinfo", root);
	snprintf(want, sizeof(want), " %s ", flag);
	f = fopen(full, "re");
	while (f && !found && fgets(line, sizeof(line) - 1, f)) {
		line[strcspn(line, "\n")] = ' ';
		found = (!strncmp(line, "flags", 5) || !strncmp(line, "vmx flags", 9)) && strstr(line, want);
	}
	if (f)
		fclose(f);
	return found;
}

static bool library(const char *root)
{
	static const char *const places[] = { "/usr/lib/x86_64-linux-gnu/libxenctrl.so",
					      "/usr/lib/libxenctrl.so", "/usr/lib64/libxenctrl.so",
					      "/usr/local/lib/libxenctrl.so",
					      "/lib/x86_64-linux-gnu/libxenctrl.so" };
	static const char *const versions[] = { "",	 ".4.14", ".4.15", ".4.16", ".4.17",
						".4.18", ".4.19", ".4.20", ".4.21", ".4.22" };
	char path[200];

	for (size_t i = 0; i < EMT_ARRAY_SIZE(places); i++)
		for (size_t k = 0; k < EMT_ARRAY_SIZE(versions); k++) {
			snprintf(path, sizeof(path), "%s%s", places[i], versions[k]);
			if (exists(root, path))
				return true;
		}
	return false;
}

/* ---- the host ---- */

static void look_xen(const char *root, struct emt_host *h)
{
	struct emt_xen_ring ring;
	char text[512], minor[32], extra[64];

	h->xen = (slurp(root, "/sys/hypervisor/type", text, sizeof(text)) && !strcmp(text, "xen")) ||
		 exists(root, "/proc/xen/capabilities");
	if (!h->xen)
		return;
	h->pv = slurp(root, "/sys/hypervisor/guest_type", text, sizeof(text)) && !strcmp(text, "PV");
	h->dom0 = slurp(root, "/proc/xen/capabilities", text, sizeof(text)) && strstr(text, "control_d");
	h->privcmd = exists(root, "/dev/xen/privcmd") || exists(root, "/proc/xen/privcmd");
	h->privcmd_usable = usable(root, "/dev/xen/privcmd") || usable(root, "/proc/xen/privcmd");
	h->libxenctrl = library(root);
	if (slurp(root, "/sys/hypervisor/version/major", text, sizeof(text)) &&
	    slurp(root, "/sys/hypervisor/version/minor", minor, sizeof(minor))) {
		slurp(root, "/sys/hypervisor/version/extra", extra, sizeof(extra));
		snprintf(h->xen_version, sizeof(h->xen_version), "%.16s.%.16s%.30s", text, minor, extra);
	}
	slurp(root, "/sys/hypervisor/properties/buildid", h->xen_build, sizeof(h->xen_build));
	if (!slurp(root, "/sys/hypervisor/properties/command_line", h->xen_commandline,
		   sizeof(h->xen_commandline)))
		return;
	emt_xen_ring_of(h->xen_commandline, &ring);
	h->conring_stated = ring.stated;
	h->conring = ring.bytes;
	h->serial = ring.baud != 0;
}

static void look_kvm(const char *root, struct emt_host *h)
{
	char text[16];

	h->kvm_intel = exists(root, "/sys/module/kvm_intel");
	h->kvm_amd = exists(root, "/sys/module/kvm_amd");
	h->kvm = exists(root, "/dev/kvm") || h->kvm_intel || h->kvm_amd;
	h->kvm_usable = usable(root, "/dev/kvm");
	h->ept = says_yes(root, "/sys/module/kvm_intel/parameters/ept");
	h->npt = says_yes(root, "/sys/module/kvm_amd/parameters/npt");
	h->btf = exists(root, "/sys/kernel/btf/vmlinux");
	h->bpf_open =
		slurp(root, "/proc/sys/kernel/unprivileged_bpf_disabled", text, sizeof(text)) && *text == '0';
	h->virtual_cpu_vmx = cpu_flag(root, "vmx");
	h->virtual_cpu_svm = cpu_flag(root, "svm");
}

void emt_doctor_look(const char *sysroot, bool privileged, struct emt_host *h)
{
	memset(h, 0, sizeof(*h));
	h->root = privileged;
	slurp(sysroot, "/proc/sys/kernel/osrelease", h->kernel, sizeof(h->kernel));
	look_xen(sysroot, h);
	look_kvm(sysroot, h);
}

/* ---- the ways ---- */

static void say(char *out, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(char *out, size_t room, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, room, fmt, ap);
	va_end(ap);
}

#define WHY(w, ...) say((w)->why, sizeof((w)->why), __VA_ARGS__)
#define NEXT(w, ...) say((w)->next, sizeof((w)->next), __VA_ARGS__)

static void no_xen(struct emt_way *w, const struct emt_host *h)
{
	if (h->xen && !h->dom0) {
		WHY(w, "this is a guest of Xen, not its dom0");
		NEXT(w, "run emtctl in dom0, or open a capture taken there");
	} else {
		WHY(w, "Xen does not run here");
		NEXT(w, "take a capture on a Xen host and open it here");
	}
}

static void way_calls(struct emt_way *w, const struct emt_host *h, unsigned int built)
{
	if (!h->dom0)
		no_xen(w, h);
	else if (!h->privcmd) {
		WHY(w, "Xen %s, but there is no /dev/xen/privcmd", h->xen_version);
		NEXT(w, "modprobe xen-privcmd");
	} else if (!h->privcmd_usable || !h->root) {
		WHY(w, "Xen %s; /dev/xen/privcmd needs root", h->xen_version);
		NEXT(w, "run as root");
	} else if (!(built & 1)) {
		WHY(w, "Xen %s; this emtctl is built without live Xen", h->xen_version);
		NEXT(w, h->libxenctrl ? "install libxen-dev and build again" :
		     "install libxen-dev (libxenctrl is missing too) and build again");
	} else if (!h->libxenctrl) {
		w->works = EMT_WORKS_PARTLY;
		WHY(w, "Xen %s; libxenctrl is not installed", h->xen_version);
		NEXT(w, "install xen-utils, or libxenmisc4.17 and the like of your release");
	} else {
		w->works = EMT_WORKS_YES;
		WHY(w, "Xen %s, dom0, libxenctrl is there", h->xen_version);
	}
}

static void way_key_d(struct emt_way *w, const struct emt_host *h, unsigned int built)
{
	way_calls(w, h, built);
	if (!h->dom0)
		return;
	/* The text can be had without this program too. */
	if (!w->works)
		w->works = h->root ? EMT_WORKS_PARTLY : EMT_WORKS_NO;
	if (w->works != EMT_WORKS_NO && !(built & 1)) {
		WHY(w, "Xen %s; by hand: xl debug-keys D, xl dmesg > FILE, emtctl import FILE",
		    h->xen_version);
		*w->next = '\0';
	}
	if (!h->conring_stated || h->conring < 1 << 20) {
		w->works = w->works ? EMT_WORKS_PARTLY : EMT_WORKS_NO;
		if (h->conring)
			WHY(w, "Xen %s; its console ring holds %llu KiB%s: about %llu entries fit",
			    h->xen_version, (unsigned long long)h->conring >> 10,
			    h->conring_stated ? "" : " or more", (unsigned long long)h->conring / 64);
		else
			WHY(w, "Xen %s; the size of its console ring is not known", h->xen_version);
		NEXT(w, "boot Xen with conring_size=64M");
	}
	if (h->serial) {
		w->works = w->works ? EMT_WORKS_PARTLY : EMT_WORKS_NO;
		NEXT(w, "boot Xen with console=vga and conring_size=64M: a serial console stalls the host "
			"during a dump");
	}
}

/* Whether it is loaded no file tells. */
static void way_query(struct emt_way *w, const struct emt_host *h, unsigned int built)
{
	const struct emt_query_build *b = emt_query_build_find(h->xen_build);

	way_calls(w, h, built);
	if (!h->dom0 || w->works == EMT_WORKS_NO)
		return;
	w->works = b ? EMT_WORKS_PARTLY : EMT_WORKS_NO;
	if (!b && !*h->xen_build) {
		WHY(w, "Xen %s; its build id cannot be read", h->xen_version);
		NEXT(w, "run it as root");
	} else if (!b) {
		WHY(w, "Xen %s, build %s: its structures are not known exactly", h->xen_version, h->xen_build);
		NEXT(w, "emtctl query offsets XEN-SYMS --json > FILE; emtctl query load --offsets FILE");
	} else {
		WHY(w, "Xen %s, a build that is known exactly; emtctl query status tells whether it is loaded",
		    h->xen_version);
		NEXT(w, "emtctl query load");
	}
}

static void way_kvm(struct emt_way *w, const struct emt_host *h, unsigned int built)
{
	const char *paging = h->ept ? "EPT" : "NPT";

	if (!h->kvm) {
		WHY(w, h->virtual_cpu_vmx || h->virtual_cpu_svm ? "the CPU can, but KVM is not loaded" :
		    "no KVM: the CPU shows no virtualisation here, or its firmware switched it off");
		NEXT(w, h->virtual_cpu_vmx ? "modprobe kvm_intel" : h->virtual_cpu_svm ? "modprobe kvm_amd" :
		     "switch virtualisation on in the firmware, or open a capture of another host");
	} else if (!h->kvm_intel && !h->kvm_amd) {
		WHY(w, "there is /dev/kvm, but neither kvm_intel nor kvm_amd shows under /sys/module");
		NEXT(w, "look in the kernel log why; KVM on another architecture has no EPT");
	} else if (!h->ept && !h->npt) {
		WHY(w, "KVM runs without EPT or NPT: shadow pages carry no memory type");
		NEXT(w, "load kvm_intel with ept=1 on a CPU that has EPT; kvm_amd with npt=1");
	} else if (!h->btf) {
		WHY(w, "KVM with %s; the kernel %s has no BTF, which finds KVM's structures", paging, h->kernel);
		NEXT(w, "use a kernel with CONFIG_DEBUG_INFO_BTF=y; Debian's have it");
	} else if (!h->root) {
		WHY(w, "KVM with %s and BTF; BPF needs root%s", paging,
		    h->bpf_open ? " for this kind of program" : "");
		NEXT(w, "run as root, or with CAP_BPF and CAP_PERFMON");
	} else if (!(built & 2)) {
		w->works = EMT_WORKS_NO;
		WHY(w, "KVM with %s and BTF; this emtctl is built without live KVM", paging);
		NEXT(w, "use a build that has it; emtctl version lists what is built in");
	} else {
		w->works = EMT_WORKS_YES;
		WHY(w, "KVM with %s, BTF, privileged%s", paging,
		    h->ept ? "" : "; AMD's entries have no EMT: the guest's PAT decides alone");
	}
}

static void way_p2m(struct emt_way *w, const struct emt_host *h, unsigned int built)
{
	if (!h->xen)
		no_xen(w, h);
	else if (!h->pv) {
		WHY(w, "the kernel %s is no PV domain's: Xen translates for it", h->kernel);
		NEXT(w, "nothing is needed: its p2m is Xen's, as of other domains");
	} else if (!h->root) {
		WHY(w, "PV, Linux %s; BPF needs root", h->kernel);
		NEXT(w, "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYSLOG");
	} else if (!(built & 2)) {
		WHY(w, "PV, Linux %s; this emtctl is built without BPF", h->kernel);
		NEXT(w, "use a build that has it, or xen:0,costs=yes");
	} else {
		w->works = EMT_WORKS_YES;
		WHY(w, "PV, Linux %s, privileged", h->kernel);
	}
}

size_t emt_doctor_ways(const struct emt_host *h, unsigned int built, struct emt_way *v)
{
	struct emt_way ways[] = {
		{ .source = "xen",
		  .way = "domains, facts and types through dom0's calls",
		  .cost = "free; reading a vCPU's MTRRs pauses it for an instant" },
		{ .source = "xen",
		  .way = "entries through debug key D",
		  .cost = "costs: other tools wait while the dump is printed; a serial console stalls the "
			  "host" },
		{ .source = "xen",
		  .way = "entries and every input through the query payload",
		  .cost = "changes Xen until it is unloaded: a small livepatch that only reads; queries are free" },
		{ .source = "kvm",
		  .way = "EPT or NPT of a running guest through BPF",
		  .cost = "free; no guest is paused" },
		{ .source = "mem",
		  .way = "memory images and cores",
		  .cost = "free: reads files",
		  .works = built & 4 ? EMT_WORKS_YES : EMT_WORKS_NO },
		{ .source = "capture",
		  .way = "captures of any host",
		  .cost = "free: reads files",
		  .works = EMT_WORKS_YES },
		{ .source = "p2m",
		  .way = "the p2m of the PV domain that this is, as its kernel has it, through BPF",
		  .cost = "free: copies kernel memory" },
	};

	way_calls(&ways[0], h, built);
	way_key_d(&ways[1], h, built);
	way_query(&ways[2], h, built);
	way_kvm(&ways[3], h, built);
	WHY(&ways[4], built & 4 ? "needs no privilege" : "this emtctl is built without it");
	if (!(built & 4))
		NEXT(&ways[4], "use a build that has it; emtctl version lists what is built in");
	WHY(&ways[5], "needs no privilege");
	way_p2m(&ways[6], h, built);
	memcpy(v, ways, sizeof(ways));
	return EMT_ARRAY_SIZE(ways);
}
