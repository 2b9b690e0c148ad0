#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Live domains on a machine without Xen: a clear error, whatever is asked. What runs on
# a real Xen is in tests/lab (scenario facts).

load helper

setup() {
	[ ! -e /dev/xen/privcmd ] || skip "Xen runs here"
}

@test "no Xen: says so, and what to do instead" {
	for words in "facts xen:5" "facts 5" "audit xen:guest" "show xen:5,costs=yes"; do
		read -r -a argv <<<"$words"
		emt "${argv[@]}"
		status_is 2
		[ -z "$output" ]
		has "$stderr" "no Xen runs on this machine"
		has "$stderr" "capture"
		emt "${argv[@]}" --json
		json_error_is unsupported
	done
}

@test "costs=yes is the only consent, and a live domain's alone" {
	emt facts xen:5,costs=no
	status_is 2
	has "$stderr" "costs=yes"
	emt facts xen:5,costs=yes,costs=
	status_is 2
	emt facts "$GUEST,costs=yes"
	status_is 2
	has "$stderr" "takes no costs="
}

@test "one way to the hypervisor: nothing else in the library names a hypercall's door" {
	cd "$ROOT"
	[ "$(grep -rlE 'xencall[0-9_]|IOCTL_PRIVCMD' lib --include='*.c' | sort | tr '\n' ' ')" = "lib/xen/libraries.c " ]
	[ "$(grep -rlE 'be->call\(' lib --include='*.c')" = lib/xen/xen.c ]
	[ "$(grep -rhE 'be->call\(' lib --include='*.c' | wc -l)" = 2 ]
}
