#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# iommu audit, iommu show: what devices reach, from the texts of keys D and o.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	device_tables
}

@test "show: runs by translation, not by the size of leaves" {
	emt iommu show devices.emt --json
	status_is 0
	jq_is '[.data.runs[] | select(.domain == 1)] | length == 6'
	jq_is '.data.runs[0] | .dfn == 0 and .last_dfn == 511 and .mfn == 131072 and .frames == 512 and .permissions == "rw"'
	jq_is '.data.runs[] | select(.dfn == 517) | .frames == 2' # two leaves
	emt iommu show devices.emt --domain 2 --json
	jq_is '[.data.runs[].domain] == [2]'
	emt iommu show "$GUEST"
	status_is 2
	has "$stderr" "debug-keys o"
}

@test "audit: what devices reach without right, by whose it is" {
	emt iommu audit devices.emt --json
	status_is 1
	jq_is '[.data.findings[].severity] == ["critical", "error", "warning", "warning"]'
	jq_is '.data.findings[0] | .kind == "iommu-stale" and .owner == "other-domain" and .owner_domain == 2 and
		.first_dfn == 517 and .first_mfn == 66053 and .actual == "rw" and .expected == ["--"]'
	jq_is '.data.findings[1] | .other_frame and .first_dfn == 514 and .owner == "unknown"'
	jq_is '.data.findings[] | select(.kind == "iommu-missing") | .first_dfn == 515 and .certain'
	jq_is '[.data.domains[].stale_bytes] == [12288, 0]'
	jq_is '.data.domains[0].owners == "mappings"'
	emt iommu audit devices.emt
	has "$output" "Devices can still read and write frame 0x10205 on, domain 2's now"
	# a domain that agrees
	emt iommu audit devices.emt --domain 2
	status_is 0
	emt iommu audit devices.emt --fail-on critical --domain 1
	status_is 1
}

@test "audit: p2m types that facts state decide what devices should reach" {
	emt iommu audit devices.emt --json
	jq_is '[.data.findings[] | select(.first_dfn == 513)] == []' # r x: read-only memory, likely
	# it is shared memory: nothing for devices
	echo '{ "host_e820": [["0x100", "0xfffff", 1]], "types": [["0x201", "0x201", 12]] }' >devices.json
	"$EMTCTL" import devices.txt -f devices.json --release 4.17.7 -o typed.emt >import.out 2>&1 || [ $? = 3 ]
	emt iommu audit typed.emt --json
	status_is 1
	jq_is '.data.findings[] | select(.first_dfn == 513) | .kind == "iommu-stale" and .certain and .p2m_types == ["ram_shared"]'
}

@test "audit: releases that print no permissions, shared tables, tables of another file" {
	sed -i 's/^\(.*mfn: 000.....\) [r-][w-]$/\1/' devices.txt
	sed -e 's/\[VT-D\] \(d.\) table.*/\1 sharing page tables/' -e '/   dfn:/d' devices.txt >shared.txt
	"$EMTCTL" import devices.txt -f devices.json --release 4.15.0 -o plain.emt
	emt iommu audit plain.emt --json
	status_is 1
	jq_is '[.data.findings[] | select(.kind == "iommu-stale").actual] | unique == [null]'
	"$EMTCTL" import shared.txt -f devices.json --release 4.15.0 -o shared.emt
	emt iommu audit shared.emt --json
	status_is 0
	jq_is '.data.findings == [] and ([.data.domains[].shared] | all)'
	has "$("$EMTCTL" iommu audit shared.emt)" "uses the p2m itself"
	# the p2m of one file, the tables of another
	grep -v 'dfn:\|VT-D' devices.txt >d.txt
	"$EMTCTL" import d.txt -f devices.json --release 4.17.7 -o d.emt
	emt iommu audit d.emt
	status_is 2
	has "$stderr" "debug-keys o"
	emt iommu audit d.emt devices.emt
	status_is 1
	has "$output" "domain 2's now"
}

@test "audit: real tables of key o beside no p2m say so" {
	"$EMTCTL" import "$CONSOLE/xen-4.17.7-key-o-vtd.txt" "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" \
		-o real.emt >/dev/null 2>&1 || [ $? = 3 ]
	emt iommu show real.emt --json
	status_is 0
	jq_is '(.data.runs | length) > 10 and ([.data.runs[].frames] | add) > 200'
}
