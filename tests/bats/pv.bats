#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# pv: the p2m of a PV dom0 out of a machine's memory, whole and with things wrong.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	"$BUILD/tests/tools/pvimage" pv.img
	"$BUILD/tests/tools/pvimage" bad.img bad
}

@test "a dom0 as it should be: RAM, balloon, identity" {
	emt pv mem:pv.img --kernel 6.1.0-42-amd64 --json
	status_is 0
	jq_is '.data.domains[0] | .domain == 0 and .frames == 1024 and .populated == 256 and .identity == 97 and .missing == 671 and .complete and .findings == 0'
	jq_is '.data.domains[0] | .rules == "4.3 and later" and .list == "linear"'
	jq_is '[.data.runs[] | [.pfn, .kind, .place]] ==
		[[0, "frame", "ram"], [159, "identity", "reserved"], [256, "frame", "ram"], [353, "missing", "ram"]]'
	emt pv mem:pv.img
	has "$output" "of a release not known"
}

@test "each wrong entry is told, with what it does" {
	emt pv mem:bad.img --kernel 6.1.0 --json
	status_is 1
	jq_is '[.data.runs[] | select(.finding != "ok") | [.pfn, .finding]] ==
		[[16, "identity-on-ram"], [32, "m2p-mismatch"], [184, "identity-missing"], [192, "frame-in-hole"]]'
	jq_is '[.data.runs[] | select(.pfn == 184) | .text] | .[0] | contains("will fault")'
	# a kernel whose PTEs need the mark
	emt pv mem:bad.img --kernel 3.2.0 --json
	jq_is '[.data.runs[] | select(.pfn == 184) | .text] | .[0] | contains("_PAGE_IOMAP")'
	emt pv mem:bad.img --kernel 6.1.0 --fail-on critical
	status_is 0
}

@test "a BAR above RAM: identity since 3.16, missing before, by the kernel's rule" {
	emt pv mem:pv.img --kernel 4.9.0 --bar 0x8000000+16 --bar 0xa0-0xbf --json
	status_is 0
	jq_is '.data.domains[0] | .devices == 2 and .devices_bad == 0'
	jq_is '[.data.runs[] | select(.pfn == 134217728) | .kind == "identity" and .place == "above" and .device != null] == [true]'
	emt pv mem:pv.img --kernel 3.2.0 --bar 0x10000+16 --json
	status_is 1
	jq_is '[.data.runs[] | select(.pfn == 65536) | .finding == "identity-missing" and .by_rule] == [true]'
	emt pv mem:bad.img --kernel 4.9.0 --bar 0xb8-0xbf --json
	status_is 1
	jq_is '.data.domains[0].devices_bad == 1'
}

@test "what is no PV domain is refused" {
	emt pv mem:pv.img --domain 1
	status_is 2
	emt pv "$GUEST"
	status_is 2
	has "$stderr" "mem:FILE"
	emt pv mem:pv.img --kernel none
	status_is 2
	has "$stderr" "uname -r"
}
