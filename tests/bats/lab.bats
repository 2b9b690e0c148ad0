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

# stale FILE GFN VERDICT REASON DEFECT: a finding of that kind has the gfn
stale() {
	emt audit "$1" --json
	jq_is ".data.findings | map(select(.verdict == \"$3\" and .reason == \"$4\" and .defect == $5) | .ranges[]) |
		any(.first_gfn <= $(($2)) and .last_gfn >= $(($2)))"
}

@test "the last right was revoked: entries keep the type of before" {
	stale "$L/stale-revoked.emt" 0x1200 stale-by-design revoked '"KD15"'
	status_is 0
	stale "$L/stale-revoked.emt" 0x1400 stale-by-design revoked '"KD15"'
	jq_is '.data.domains[0].verdicts | map({(.verdict): .entries}) | add == {pending: 18, "stale-by-design": 527}'
}

@test "the guest's MTRRs moved after that: no input of now explains it" {
	stale "$L/stale-revoked-moved.emt" 0x1400 stale-by-design revoked-mtrr '"KD15"'
	status_is 0
	stale "$L/stale-revoked-moved.emt" 0x1200 stale-by-design revoked '"KD15"'
}

@test "a page that came after that has the type of now" {
	emt explain "$L/stale-revoked-populated.emt" 0x1480 --json
	jq_is '.data.explanations[0] | .verdict == "ok" and .entry.type == "WB!"'
	emt explain "$L/stale-revoked-populated.emt" 0x1481 --json
	jq_is '.data.explanations[0] | .verdict == "stale-by-design" and .entry.type == "UC"'
}

@test "a pin that counted while there was a right" {
	emt audit "$P/pin-revoked.emt" --json
	status_is 1
	jq_is '.data.findings | map(select(.verdict == "suspect")) | length == 1'
	jq_is '.data.findings[0] | .reason == "revoked" and .defect == "KD15"'
	# what comes of it follows, and is no verdict of an entry
	jq_is '.data.findings[1] | .kind == "effective" and .severity == "warning" and .verdict == null'
	jq_is '.data.findings[0].explanation == "one WC pin on 0x500-0x57f, and an I/O right revoked since, would explain 128 entries"'
}

@test "half a superpage under a range: a known defect, and inherited when it is split" {
	emt audit "$L/stale-part.emt" --all --json
	status_is 0
	jq_is '.data.findings | map(select(.kind == "known-defect") | [.defect, .first_gfn]) == [["KD19", 6144]]'
	stale "$L/stale-part-split.emt" 0x1800 inherited split-2m null
	status_is 0
	jq_is '.data.domains[0].verdicts | map(select(.verdict == "inherited"))[0].entries == 255'
}

@test "dom0 changed a host MTRR since the boot log: named" {
	stale "$L/stale-host-mtrr.emt" 0xa00 stale-by-design host-mtrr '"KD16"'
	status_is 0
	jq_is '.data.domains[0].verdicts | map({(.verdict): .entries}) | add == {ok: 526, pending: 18, "stale-by-design": 1}'
}

@test "without the boot log, or when it is as it was at boot: a suspicion" {
	emt audit "$P/host-mtrr.emt" --json
	status_is 1
	jq_is '.data.findings[0] | .verdict == "suspect" and .first_gfn == 2560 and .facts == ["host_mtrr_changed"]'
	emt audit "$P/host-mtrr-gone.emt" --json
	status_is 1
	jq_is '.data.findings[0] | .verdict == "suspect" and .first_gfn == 2560 and (.facts | index("host_mtrr_changed") != null)'
	has "$output" "; or host_mtrr_changed: compare"
}
