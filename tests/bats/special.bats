#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# special: pages shared with Xen, in the hole where the guest expects devices.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "seven shared pages and the APIC page, all cached on 4.17" {
	emt special "$GUEST" --json
	status_is 0
	jq_is '.data.domains[0] | .frames == 8 and .in_device_hole == 8 and .uncached == 0 and .complete'
	jq_is '[.data.pages[] | [.what, .gfn, .frames]] ==
		[["xen-heap", 983056, 4], ["xen-heap", 983072, 2], ["xen-heap", 983088, 1], ["apic-access", 1043968, 1]]'
	jq_is '[.data.pages[] | .place == "device-hole" and .cached == "yes" and .guest_mtrr == ["UC"]] | all'
}

@test "by the rule of 4.14.0 they are not, and which release fixed it is named" {
	emt special "$GUEST" --release 4.14.0 --json
	status_is 1
	jq_is '.data.domains[0] | .uncached == 7 and .by_defect == 7'
	jq_is '[.data.pages[] | select(.what == "xen-heap") | .cached_by_rule == "no" and .defects == ["KD8"] and (.fixed_in[0] | contains("4.14.1"))] | all'
	emt upgrade-check 4.14.0 4.17.7 "$GUEST"
	has "$output" "fixes KD8"
	emt upgrade-check 4.14.0 4.14.1 "$GUEST"
	has "$output" "fixes KD8"
	emt upgrade-check 4.14.0 4.13.1 "$GUEST"
	lacks "$output" "fixes KD8"
}

@test "grant mappings show where p2m types are told; pending is no verdict" {
	emt special "$CAPTURES/situations/D-foreign-grant/D03-iomem-touched.emt" --json
	status_is 0
	jq_is '[.data.pages[] | select(.what == "grant") | .frames] | add == 3'
	jq_is '[.data.pages[] | select(.cached == "pending")] | length == 2'
}

@test "without a list of special frames the answer is incomplete" {
	"$EMTCTL" import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" --release 4.17.7 -o bare.emt >/dev/null 2>&1 || [ $? = 3 ]
	emt special bare.emt --json
	status_is 3
	jq_is '.data.domains[0].complete == false'
}
