/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds of sources that this build has no reader for: they say what to do instead.
 */
#include "source/ops.h"

static int kvm_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	(void)spec;
	return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "open a capture (FILE.emt) instead",
			   "this build reads no live KVM guests");
}

const struct emt_source_ops emt_source_kvm_ops = { .scheme = "kvm", .open = kvm_open };
