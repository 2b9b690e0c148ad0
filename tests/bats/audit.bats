#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# audit: verdicts of real guests, exit status, formats.

load helper

@test "a guest that is as its release writes it" {
	emt audit "$GUEST"
	status_is 0
	has "$output" "domain 1, Xen 4.17.7, EPT: 554 entries, 32.1 MiB"
	has "$output" "554 ok"
	has "$output" "No findings at level warning or above."
	[ "${#lines[@]}" -le 10 ]
	[ -z "$stderr" ]
}

@test "the same guest under the rules of 4.14.0" {
	emt audit "$GUEST" --release 4.14.0
	status_is 1
	has "$output" "547 ok, 7 mismatch"
	has "$output" "mismatch: 7 entries at 0xf0010-0xf0013 and 2 more ranges: WB!, expected UC"
	has "$output" "explain $GUEST 0xf0010"
}

@test "pending entries are no error" {
	emt audit "$PENDING"
	status_is 0
	has "$output" "5,225 pending"
	has "$output" "of level info: --all"
	emt audit "$PENDING" --all
	status_is 0
	has "$output" "info "
}

@test "--fail-on moves the line" {
	emt audit "$CAPTURES/situations/B-mmio/D05-revoked-touched.emt"
	status_is 0
	has "$output" "stale-by-design"
	emt audit "$CAPTURES/situations/B-mmio/D05-revoked-touched.emt" --fail-on notice
	status_is 1
	emt audit "$GUEST" --release 4.14.0 --fail-on critical
	status_is 0
}

@test "JSON has the same numbers" {
	emt audit "$GUEST" --release 4.14.0 --json
	status_is 1
	jq_is '.schema == "emt.audit" and .schema_version == [1, 1]'
	jq_is '.exit_status == 1 and .complete and .error == null'
	jq_is '.data.domains | length == 1'
	jq_is '.data.domains[0].verdicts | map(select(.verdict == "mismatch"))[0].entries == 7'
	jq_is '.data.domains[0].release_forced'
	jq_is '.data.findings | map(select(.kind == "mismatch"))[0] | .first_gfn == 983056 and .type == "WB!" and .expected == ["UC"]'
	jq_is '.data.findings[0].ranges[0].first_gfn == 983056 and .data.findings[0].ranges_total == 3'
	jq_is '.data.result.findings == 1'
	jq_is '[.data.domains[0].verdicts[].entries] | add == 554'
}

@test "NDJSON: header, records, end" {
	emt audit "$GUEST" --release 4.14.0 --ndjson
	status_is 1
	[ "$(jq -r .record <<<"$output" | tr '\n' ' ')" = "header domain finding audit_result end " ]
	[ "$(jq -r 'select(.record == "end") | .counts.finding' <<<"$output")" = 1 ]
}

@test "findings as a table" {
	emt audit "$GUEST" --release 4.14.0 -o kind,first_gfn,entries,ranges
	status_is 1
	[ "${lines[0]%% *}" = KIND ]
	has "${lines[1]}" "0xf0010-0xf0013"
	[ "${#lines[@]}" = 2 ]
}

@test "what is not known is not called clean" {
	timeout 60 "$EMTCTL" import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" --release 4.17.7 \
		-o "$BATS_TEST_TMPDIR/bare.emt" >/dev/null 2>&1 || [ $? = 3 ]
	emt audit "$BATS_TEST_TMPDIR/bare.emt" --fail-on critical
	status_is 3
	has "$output" "undetermined"
	has "$stderr" "cannot say that the guest is clean"
	emt audit "$BATS_TEST_TMPDIR/bare.emt" --fail-on critical --json
	status_is 3
	jq_is '.exit_status == 3 and .complete == false and .error == null'
	jq_is '.data.domains[0].decided == false and .data.result.undetermined_entries > 0'
}

@test "no release, no audit: what is missing is said" {
	timeout 60 "$EMTCTL" import "$CONSOLE/xen-4.17.7-key-D-pod-built.txt" -o "$BATS_TEST_TMPDIR/norel.emt" \
		>/dev/null 2>&1 || [ $? = 3 ]
	emt audit "$BATS_TEST_TMPDIR/norel.emt"
	status_is 2
	has "$stderr" "release"
	emt show "$BATS_TEST_TMPDIR/norel.emt" --limit 3
	has "$stderr" "without verdicts"
}

@test "a domain or generation that is not there" {
	emt audit "$GUEST" --domain 77
	status_is 2
	emt audit "$GUEST" --generation 9
	status_is 2
	[ -z "$output" ]
}

@test "a truncated capture: refused, and salvaged on request" {
	size=$(stat -c %s "$CAPTURES/ept-linux/d-linux.emt")
	head -c $((size * 2 / 3)) "$CAPTURES/ept-linux/d-linux.emt" >"$BATS_TEST_TMPDIR/cut.emt"
	emt audit "$BATS_TEST_TMPDIR/cut.emt"
	status_is 2
	has "$stderr" "cut.emt"
	emt audit "$BATS_TEST_TMPDIR/cut.emt" --json
	json_error_is truncated
	emt audit "$BATS_TEST_TMPDIR/cut.emt" --salvage --release 4.17.7
	[ "$status" = 3 ] || [ "$status" = 1 ] || [ "$status" = 2 ]
	emt capture show "$BATS_TEST_TMPDIR/cut.emt" --salvage
	[ "$status" = 3 ] || [ "$status" = 2 ]
}

@test "every capture of the project is read, and none is at level warning by its own release" {
	n=0
	while read -r file; do
		emt audit "$file" --json
		[ "$status" = 0 ] || [ "$status" = 3 ] || {
			echo "$file: exit status $status: $stderr" >&2
			return 1
		}
		jq_is '[.data.domains[].verdicts[] | select(.verdict == "mismatch")] | length == 0'
		n=$((n + 1))
	done < <(find "$CAPTURES" -name '*.emt' -not -path '*/lab-planted/*' | sort)
	[ "$n" -ge 40 ]
}

@test "a source with two domains: each is audited, --domain chooses" {
	two=$BATS_TEST_TMPDIR/two.emt
	"$EMTCTL" import "$CONSOLE/xen-4.17.5-key-D-two-domains-pod-trimmed.txt" --release 4.17.5 -o "$two" >/dev/null
	emt audit "$two" --json
	status_is 3
	jq_is '[.data.domains[].domain] == [1, 2] and .data.result.domains == 2'
	jq_is '.data.domains[1].pod_entries == 15'
	emt audit "$two" --domain 2 --json
	jq_is '[.data.domains[].domain] == [2]'
	emt show "$two" --limit 1
	[ "$(tr -s ' ' <<<"${lines[0]}" | cut -d' ' -f1,2)" = "DOMAIN GFN" ]
	# of many domains those are explained that map the frame; all, if none does
	emt explain "$two" 0x300 --json
	jq_is '[.data.explanations[].domain] == [2] and .data.explanations[0].entry.entry == "pod"'
	emt explain "$two" 0x99999 --json
	jq_is '[.data.explanations[] | [.domain, .mapped]] == [[1, false], [2, false]]'
}

@test "a capture that was taken live on real EPT says what it said there" {
	emt audit "$CAPTURES/lab-ept/live.emt" --all --json
	status_is 0
	jq_is '.data.domains[0].entries == 1883'
	jq_is '[.data.domains[0].verdicts[] | .entries] == [2, 1274, 607]'
	jq_is '[.data.findings[] | .kind] == ["pending"]'
	emt facts "$CAPTURES/lab-ept/live.emt" --json --where 'fact == "special" || fact == "iomem_caps"'
	jq_is '[.data.facts[] | .held == "known" and .origin == "key q"] == [true, true]'
}
