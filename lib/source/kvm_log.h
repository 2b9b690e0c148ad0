/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM itself answered when it was asked for the type of a page: for comparison with
 * the entries that it wrote and with the rule. Logged live, or read from a file.
 *
 * A file has a line for each call, in order: "GFN MMIO BITS" (hex with 0x, 0 or 1, hex);
 * '#' begins a remark.
 */
#ifndef EMT_SOURCE_KVM_LOG_H
#define EMT_SOURCE_KVM_LOG_H

#include "base/err.h"
#include "base/types.h"

struct emt_kvm_log;

/* An answer: the last for a gfn. */
struct emt_kvm_call {
	uint64_t gfn;
	uint64_t nr;      /* calls are counted from 1 */
	bool mmio;
	uint8_t emt, ipat;
};

/* Begin to log the calls for these vCPUs (addresses, copied). EMT_E_UNSUPPORTED where this
 * build, the kernel or its settings do not allow it: the text says which. */
int emt_kvm_log_open(struct emt_kvm_log **out, const uint64_t *vcpus, uint32_t nr, const char *subject,
		     struct emt_err *err);
/* Calls from a file. EMT_E_NOSOURCE, EMT_E_FORMAT with the line. */
int emt_kvm_log_load(struct emt_kvm_log **out, const char *path, struct emt_err *err);
void emt_kvm_log_free(struct emt_kvm_log *log);

/* Take what was logged since the last call. 0 or EMT_E_NOMEM, EMT_E_IO. */
int emt_kvm_log_take(struct emt_kvm_log *log);
/* The last answer for any gfn of these frames; NULL = KVM was not asked. */
const struct emt_kvm_call *emt_kvm_log_find(struct emt_kvm_log *log, uint64_t gfn, uint64_t frames);
uint64_t emt_kvm_log_calls(const struct emt_kvm_log *log);
/* Calls that were lost because they came faster than they were taken. */
uint64_t emt_kvm_log_dropped(const struct emt_kvm_log *log);
/* Keep the last answers as a file. 0 or EMT_E_IO. */
int emt_kvm_log_save(struct emt_kvm_log *log, const char *path, struct emt_err *err);

#endif
