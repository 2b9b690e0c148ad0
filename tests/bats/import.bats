#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# import, capture show, capture verify.

load helper

D=$ROOT/tests/data/console/xen-4.17.7-key-D-then-q-pvh-built.txt
BOOT=$ROOT/tests/data/console/xen-4.17.7-boot-log-mtrr-show-vmx.txt

setup() {
	OUT=$BATS_TEST_TMPDIR/out.emt
}

@test "console text into a capture, and back out" {
	emt import "$D" "$BOOT" -o "$OUT" --label night --time 2026-01-03T02:00:00Z
	status_is 0
	has "$output" "out.emt: "
	emt capture show "$OUT"
	status_is 0
	has "$output" "night"
	has "$output" "2026-01-03T02:00:00Z"
	emt capture verify "$OUT"
	status_is 0
	has "$output" "all sound"
	entries=$(grep -c 'gfn:' "$D")
	emt capture show "$OUT" --json
	jq_is ".data.walks[0].entries == $entries and .data.walks[0].complete"
	emt show "$OUT" --split --json
	jq_is ".data.runs | length == $entries"
}

@test "the result as JSON" {
	emt import "$D" -o "$OUT" --release 4.17.7 --json
	status_is 0
	jq_is '.data.result | .walks == 1 and .domains == 1 and .complete and .lines_bad == 0'
	jq_is ".data.result.lines == $(wc -l <"$D")"
}

@test "from standard input" {
	run --separate-stderr timeout 60 bash -c '"$0" import - -o "$1" <"$2"' "$EMTCTL" "$OUT" "$D"
	status_is 0
	emt capture verify "$OUT"
	status_is 0
}

@test "a facts file overrides the text; a wrong one is refused with its line" {
	echo '{"release": "4.14.0"}' >"$BATS_TEST_TMPDIR/f.json"
	emt import "$D" -o "$OUT" --facts "$BATS_TEST_TMPDIR/f.json"
	status_is 0
	emt facts "$OUT" --json
	jq_is '.data.facts | map(select(.fact == "release"))[0].value == "4.14.0"'
	printf '{"release": "4.14.0",\n "iommu_enabledd": true}\n' >"$BATS_TEST_TMPDIR/f.json"
	emt import "$D" -o "$BATS_TEST_TMPDIR/none.emt" --facts "$BATS_TEST_TMPDIR/f.json" --json
	status_is 2
	jq_is '.error.line == 2'
	has "$stderr" "iommu_enabledd"
	[ ! -e "$BATS_TEST_TMPDIR/none.emt" ]
}

@test "lines that make no sense are reported with file and line, and the capture is incomplete" {
	sed '/gfn:/{x;s/^/x/;/^x\{5\}$/{x;s/order:.*/order: garbage/;x};x}' "$D" >"$BATS_TEST_TMPDIR/bad.txt"
	grep -q garbage "$BATS_TEST_TMPDIR/bad.txt"
	line=$(grep -n garbage "$BATS_TEST_TMPDIR/bad.txt" | cut -d: -f1)
	emt import "$BATS_TEST_TMPDIR/bad.txt" -o "$OUT" --release 4.17.7
	status_is 3
	has "$stderr" "bad.txt:$line: "
	has "$output" "incomplete"
	emt capture show "$OUT"
	status_is 3
	emt audit "$OUT" --fail-on critical
	status_is 3
	has "$output" "incomplete"
}

@test "no dump in the text is an error, and leaves no file" {
	echo hello >"$BATS_TEST_TMPDIR/hello.txt"
	emt import "$BATS_TEST_TMPDIR/hello.txt" -o "$OUT"
	status_is 2
	[ ! -e "$OUT" ]
	emt import /nonexistent.txt -o "$OUT"
	status_is 2
	[ ! -e "$OUT" ]
}

@test "a capture that cannot be written" {
	emt import "$D" -o /nonexistent/dir/out.emt --release 4.17.7
	status_is 2
	has "$stderr" "/nonexistent/dir/out.emt"
}

@test "only one domain, without names" {
	emt import "$CONSOLE/xen-4.17.5-key-D-two-domains-pod-trimmed.txt" -o "$OUT" --domain 2
	[ "$status" = 0 ] || [ "$status" = 3 ]
	emt capture show "$OUT" --json
	jq_is '[.data.walks[].domain] | unique | length == 1'
	emt import "$D" -o "$OUT" --redact --release 4.17.7
	status_is 0
	emt facts "$OUT" --json
	status_is 0
}

@test "verify finds every kind of damage" {
	good=$CAPTURES/ept-linux/d-linux.emt
	size=$(stat -c %s "$good")
	emt capture verify "$good"
	status_is 0
	for at in $((size / 4)) $((size / 2)) $((size * 3 / 4)); do
		cp "$good" "$BATS_TEST_TMPDIR/bad.emt"
		chmod u+w "$BATS_TEST_TMPDIR/bad.emt"
		byte=$(od -An -tu1 -j "$at" -N 1 "$good")
		# shellcheck disable=SC2059 # an octal escape
		printf "\\$(printf %o $((byte ^ 255)))" |
			dd of="$BATS_TEST_TMPDIR/bad.emt" bs=1 seek="$at" conv=notrunc status=none
		emt capture verify "$BATS_TEST_TMPDIR/bad.emt" --json
		status_is 1
		jq_is '.data.outcome.sound == false and (.data.problems | length) > 0'
	done
	head -c $((size / 2)) "$good" >"$BATS_TEST_TMPDIR/cut.emt"
	emt capture verify "$BATS_TEST_TMPDIR/cut.emt"
	status_is 1
	has "$output" "problem"
}

@test "verify of what is no capture" {
	echo no >"$BATS_TEST_TMPDIR/no.emt"
	emt capture verify "$BATS_TEST_TMPDIR/no.emt"
	status_is 2
	emt capture verify /nonexistent.emt
	status_is 2
}
