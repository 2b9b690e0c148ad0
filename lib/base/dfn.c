/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/dfn.h"

const char *emt_frame_owner_name(unsigned int owner)
{
	static const char *const names[EMT_FRAME_OWNER_NR] = { "unknown", "this-domain", "other-domain", "xen",
							       "free", "device" };

	return owner < EMT_FRAME_OWNER_NR ? names[owner] : "?";
}
