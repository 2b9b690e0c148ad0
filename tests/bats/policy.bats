#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# policy list, show, compare, check.

load helper

@test "list: releases that share rules" {
	emt policy list
	status_is 0
	has "$output" "4.17.5-4.17.7"
	emt policy list --json
	jq_is '.data.rulesets | length >= 20'
	jq_is '[.data.rulesets[].hypervisor] | unique == ["kvm", "xen"]'
	emt policy list --where 'defects == "KD8"' -o releases
	status_is 0
	has "$output" "4.14.0"
	lacks "$output" "4.21"
}

@test "show: the rules of a release, in order, with their commits" {
	emt policy show 4.17.7
	status_is 0
	has "$output" "  1. read-only MMIO frames: UC, guest PAT ignored"
	has "$output" "commit 60d1adfa18"
	has "$output" "Known defects"
	emt policy show "4.17.7 (Debian 4.17.7+13-1)" --json
	status_is 0
	jq_is '.data.release.release == "4.17.7" and .data.release.hypervisor == "xen"'
	jq_is '.data.rules | map(.number) == [range(1; length + 1)]'
	jq_is '.data.rules[-1].conditions == []'
	jq_is '.data.defects | length > 0'
	emt policy show "kvm 6.1"
	status_is 0
	emt policy show 99.1 --json
	jq_is '.data.release.exact == false'
	emt policy show nonsense
	status_is 2
}

@test "every release of the list can be shown" {
	for release in 4.1.0 4.2.5 4.4.0 staging-4.4 4.5.0 4.6.5 4.8.0 4.12.4 4.14.0 4.15.0 4.20.0 master \
		kvm-memslot "kvm 6.11-rc" "kvm 6.16"; do
		emt policy show "$release" --json
		status_is 0
		jq_is '.data.rules | length >= 3'
	done
}

@test "compare: what differs between two releases" {
	emt policy compare 4.14.0 4.17.7
	status_is 0
	has "$output" "added special"
	has "$output" "removed invalid-ipat"
	emt policy compare 4.14.0 4.17.7 --json
	jq_is '.data.defects | map(select(.change == "fixed") | .id) | index("KD8") != null'
	emt policy compare 4.20.0 4.21.0 --json
	jq_is '.data.rules | map(.id) == ["io-rights"]'
	jq_is '.data.defects | map(select(.change == "introduced")) | length == 1'
	emt policy compare 4.17.7 4.17.7 --json
	status_is 0
	jq_is '.data.rules == [] and .data.defects == []'
	emt policy compare 4.7.0 4.7.2 --json
	jq_is '.data.rules | map(select(.change == "moved")) | length >= 1'
}

@test "check: all golden vectors agree" {
	emt policy check "$VECTORS"/*.jsonl.zst
	status_is 0
	[ "${lines[-1]}" = "135171 results, 0 differ" ]
	emt policy check "$VECTORS/emt-xen.jsonl.zst" --json
	jq_is '.data.total.results == 128000 and .data.total.differ == 0 and .data.differences == []'
}

@test "check: plain and compressed files are the same" {
	zstd -dqc "$VECTORS/emt-kvm.jsonl.zst" >"$BATS_TEST_TMPDIR/kvm.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/kvm.jsonl"
	status_is 0
	[ "${lines[-1]}" = "4500 results, 0 differ" ]
	tr -d '\n' <"$BATS_TEST_TMPDIR/kvm.jsonl" >"$BATS_TEST_TMPDIR/oneline.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/oneline.jsonl"
	status_is 2
}

@test "check: differences are found, named, and counted beyond the list" {
	zstd -dqc "$VECTORS/emt-xen.jsonl.zst" | head -n 3 | sed 's/"4.17.5":"[^"]*"/"4.17.5":"WP"/g' \
		>"$BATS_TEST_TMPDIR/wrong.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/wrong.jsonl"
	status_is 1
	has "$output" "4.17.5"
	has "${lines[-1]}" "768 results, "
	differ=${lines[-1]#*, }
	[ "${differ%% *}" -gt 10 ]
	# every result of all 32 releases: more than are listed
	zstd -dqc "$VECTORS/emt-xen.jsonl.zst" | head -n 10 | sed 's/:"[A-Z]*[!~a-z]*"/:"WP!"/g' \
		>"$BATS_TEST_TMPDIR/wrong.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/wrong.jsonl" --json
	status_is 1
	jq_is '.data.total.listed == 50 and .data.total.differ > 50 and (.data.differences | length) == 50'
	emt policy check "$BATS_TEST_TMPDIR/wrong.jsonl" --all --json
	jq_is '.data.total.differ == (.data.differences | length)'
}

@test "check: a file that is no vector file names its line" {
	printf '{"id":"x","env":{},"queries":[]}\n{"id": oops}\n' >"$BATS_TEST_TMPDIR/bad.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/bad.jsonl" --json
	json_error_is format
	jq_is '.error.line == 2'
	echo '{"hello": 1}' >"$BATS_TEST_TMPDIR/bad.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/bad.jsonl"
	status_is 2
	: >"$BATS_TEST_TMPDIR/bad.jsonl"
	emt policy check "$BATS_TEST_TMPDIR/bad.jsonl"
	status_is 2
	head -c 1000 "$VECTORS/emt-xen.jsonl.zst" >"$BATS_TEST_TMPDIR/cut.zst"
	emt policy check "$BATS_TEST_TMPDIR/cut.zst" --json
	status_is 2
	jq_is '.error.code == "truncated" or .error.code == "damaged"'
	emt policy check /nonexistent
	status_is 2
}
