#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# metrics: OpenMetrics text that promtool takes, the textfile, the alert rules.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "promtool takes the metrics of a clean guest and of one with findings" {
	"$EMTCTL" metrics "$GUEST" >clean.prom
	promtool check metrics <clean.prom
	"$EMTCTL" metrics "$CAPTURES/situations/D-foreign-grant/D03-iomem-touched.emt" --release 4.14.0 >old.prom
	promtool check metrics <old.prom
	lacks "$(cat clean.prom)" 'severity="error"'
	grep -q '^emt_findings{.*kind="known-defect"' old.prom
	[ "$(tail -n 1 old.prom)" = "# EOF" ]
	[ "$(grep -c '^$' old.prom)" = 0 ]
}

@test "numbers are those of the audit" {
	"$EMTCTL" metrics "$GUEST" --release 4.14.0 >m.prom
	"$EMTCTL" audit "$GUEST" --release 4.14.0 --all --json >a.json || true
	for v in ok pending mismatch suspect; do
		want=$(jq "[.data.domains[0].verdicts[] | select(.verdict == \"$v\") | .entries] | add // 0" a.json)
		grep -q "^emt_entries{.*verdict=\"$v\"} $want\$" m.prom
	done
	want=$(jq '.data.findings | length' a.json)
	[ "$(awk '/^emt_findings/ { n += $NF } END { print n }' m.prom)" = "$want" ]
	want=$(jq '.data.domains[0].types[] | select(.type == "WB") | .bytes' a.json)
	grep -q "^emt_memory_bytes{.*type=\"WB\"} $want\$" m.prom
}

@test "a damaged capture: salvaged, counted as lost, status 3" {
	head -c 800 "$CAPTURES/ept-linux/d-linux.emt" >cut.emt
	emt metrics cut.emt
	status_is 2
	has "$stderr" cut.emt
	emt metrics cut.emt --salvage
	status_is 3
	has "$output" 'emt_audit_complete{domain="1",name=""} 0'
}

@test "the textfile has the same text, is replaced whole, and nothing else stays" {
	mkdir d
	echo old >d/emt.prom
	"$EMTCTL" metrics "$GUEST" --textfile d/emt.prom >out
	grep -v duration out >a
	grep -v duration d/emt.prom >b
	diff a b
	[ "$(ls d)" = emt.prom ]
	emt metrics "$GUEST" --textfile nowhere/emt.prom
	status_is 2
	has "$stderr" nowhere/emt.prom
}

@test "the alert rules are sound, fire, and clear" {
	cp "$ROOT/daemon/monitoring/emt-alerts.yml" "$ROOT/tests/data/alerts-test.yml" .
	promtool check rules emt-alerts.yml
	promtool test rules alerts-test.yml
}
