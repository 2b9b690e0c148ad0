#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# explain: the rules tried, for people, for programs, for a mailing list.

load helper

@test "an entry that is right, and why" {
	emt explain "$GUEST" 0xf0010
	status_is 0
	has "${lines[0]}" "gfn 0xf0010 of domain 1, Xen 4.17.7"
	has "$output" "verdict   ok"
	has "$output" "decides special pages only"
	has "$output" "commit 60d1adfa18"
	has "$output" "What the CPU uses"
}

@test "decimal and hex are the same frame" {
	emt explain "$GUEST" 0xf0010
	first=$output
	emt explain "$GUEST" 983056
	[ "$output" = "$first" ]
}

@test "under another release it is wrong, and a defect is named" {
	emt explain "$GUEST" 0xf0010 --release 4.14.0
	status_is 0
	has "$output" "mismatch"
	has "$output" "Xen 4.14.0 would write UC"
}

@test "JSON: rules, what each saw, which decided" {
	emt explain "$GUEST" 0xf0010 --json
	status_is 0
	jq_is '.data.explanations | length == 1'
	jq_is '.data.explanations[0] | .mapped and .verdict == "ok" and .gfn == 983056'
	jq_is '.data.explanations[0].rules | map(select(.result == "decides")) | length == 1'
	jq_is '.data.explanations[0].rules[-1].result == "decides"'
	jq_is '.data.explanations[0].rules | map(.number) == [range(1; length + 1)]'
	jq_is '.data.explanations[0].rules | all(.seen | length > 0)'
	jq_is '.data.explanations[0].entry.type == "WB!"'
	jq_is '.data.explanations[0].effective | map(.pat) == ["UC", "UC-", "WC", "WT", "WB", "WP"]'
}

@test "a frame that nothing maps is an answer" {
	emt explain "$GUEST" 0x70000
	status_is 0
	has "$output" "Nothing maps this frame"
	has "$output" "before    0x1e00-0x1fff"
	has "$output" "after     0xf0010"
	emt explain "$GUEST" 0x70000 --json
	status_is 0
	jq_is '.data.explanations[0] | .mapped == false and .verdict == null and .entry == null and .rules == []'
	jq_is '.data.explanations[0].nearest_before.last_gfn == 8191'
}

@test "before the first and behind the last entry" {
	emt explain "$GUEST" 0xfffffff --json
	status_is 0
	jq_is '.data.explanations[0] | .nearest_after == null and .nearest_before.last_gfn == 1044479'
}

@test "--mail is plain text of 72 columns" {
	emt explain "$GUEST" 0xf0010 --release 4.14.0 --mail --color=always
	status_is 0
	lacks "$output" $'\033'
	has "$output" "source    capture:"
	has "$output" "judged by emt"
	# Lines that hold one long word (a file name) cannot be broken.
	while read -r line; do
		[ "${#line}" -le 72 ] || [[ $line == source* ]] || {
			echo "too long: $line" >&2
			return 1
		}
	done <<<"$output"
}

@test "entries above it, where the source has them" {
	emt explain "$RAW" 0xfeff8 --json
	status_is 0
	jq_is '.data.explanations[0].above | length > 0 and all(.entry == "intermediate")'
}

@test "every entry of a guest can be explained, with the verdict that show gives" {
	"$EMTCTL" show "$RAW" --ndjson | jq -r 'select(.record == "run") | "\(.gfn) \(.verdict)"' >"$BATS_TEST_TMPDIR/runs"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -gt 20 ]
	while read -r gfn verdict; do
		emt explain "$RAW" "$gfn" --json
		status_is 0
		[ "$(jq_of '.data.explanations[0].verdict')" = "$verdict" ]
	done <"$BATS_TEST_TMPDIR/runs"
}
