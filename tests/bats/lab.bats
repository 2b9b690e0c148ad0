#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# Captures taken live on real EPT (tests/lab): each says what was done to the guest.

load helper

L=$CAPTURES/lab-ept
P=$CAPTURES/lab-planted # what emt is not told of was done to these

@test "a guest with rights to I/O, special pages in a UC area, device memory: clean" {
	emt audit "$L/guest-touched.emt" --json
	status_is 0
	jq_is '.data.domains[0].verdicts | map({(.verdict): .entries}) | add == {ok: 548, pending: 18}'
	emt explain "$L/guest-touched.emt" 0xf0010 --json
	jq_is '.data.explanations[0] | .verdict == "ok" and .entry.type == "WB!"'
	emt explain "$L/guest-touched.emt" 0xf0100 --json
	jq_is '.data.explanations[0] | .verdict == "ok" and .entry.type == "UC"'
}

@test "a pin that nobody told of is named exactly" {
	emt audit "$P/pin.emt" --json
	status_is 1
	jq_is '.data.findings | length == 1'
	jq_is '.data.findings[0].explanation == "one WT pin on 0xb79-0x1222 would explain 173 entries"'
	emt explain "$P/pin.emt" 0xe00 --json
	jq_is '.data.explanations[0] | .verdict == "suspect" and ([.assumed[].fact] | index("pins") != null)'
}

@test "so is a variable MTRR that the save record hides" {
	emt audit "$P/second-range.emt" --json
	status_is 1
	jq_is '.data.findings | length == 1'
	jq_is '.data.findings[0].explanation == "one WC guest MTRR range over 0x1400-0x15ff would explain 1 entry"'
}
