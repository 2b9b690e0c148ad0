#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# report: a page of text that fits a ticket, and a page of HTML.

load helper

BROWSER=$(command -v chromium || command -v chromium-browser || true)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$GUEST" guest.emt
	unset EMTD_SOCKET
}

teardown() {
	stop_emtd
}

@test "the ticket says what the audit says" {
	emt report guest.emt --release 4.14.0 --ticket
	status_is 0
	has "$output" "emt report: domain 1, Xen 4.14.0, EPT"
	has "$output" "findings  1 error"
	has "$output" "547 ok, 7 mismatch"
	has "$output" "lost      nothing"
	has "$output" "1. error mismatch: 7 entries, from 0xf0010-0xf0013, WB!, expected UC"
	has "$output" "next: emtctl explain guest.emt 0xf0010"
	text=$output
	emt audit guest.emt --release 4.14.0 --json --all
	n=$(jq_of '.data.findings | length')
	has "$text" "findings  $n error"
	emt report guest.emt --release 4.14.0 --json
	jq_is ".data.reports[0].findings_total == $n"
	jq_is '.data.reports[0].file == null and .data.reports[0].complete'
}

@test "it fits one page whatever there is to say" {
	n=0
	for f in "$CAPTURES"/situations/*/*.emt "$CAPTURES"/ept/*.emt; do
		[ -e "$f" ] || continue
		for release in 4.2.0 4.14.0 4.17.7; do
			emt report "$f" --release "$release" --where "findings_total > 3" --limit 1
			[ "$status" -le 3 ]
			[ -n "$output" ] || continue
			[ "$(wc -l <<<"$output")" -le 60 ]
			# all but names and commands, which are to be copied
			[ "$(grep -vE '^(source|more) |emtctl |/' <<<"$output" | awk 'length > max { max = length } END { print max }')" -le 76 ]
			n=$((n + 1))
		done
	done
	[ "$n" -ge 5 ]
}

@test "a damaged capture is told so, status 3; a clean one has no findings" {
	head -c 800 "$CAPTURES/ept-linux/d-linux.emt" >cut.emt
	emt report cut.emt
	status_is 2
	emt report cut.emt --salvage
	status_is 3
	has "$output" "lost      its end is missing"
	emt report guest.emt
	status_is 0
	has "$output" "findings  none"
}

@test "the page has the numbers, the map, findings and facts" {
	emt report guest.emt --release 4.14.0 -o report.html
	status_is 0
	[ "$output" = "page written: report.html" ]
	emt report guest.emt --release 4.14.0 -o report.html --ticket
	has "$output" "page      report.html"
	grep -qF 'emtctl explain guest.emt 0xf0010' report.html
	lacks "$(cat report.html)" 'explain SOURCE'
	[ -n "$BROWSER" ] || skip "no chromium here: install the package chromium"
	dom=$(timeout 60 "$BROWSER" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$BATS_TEST_TMPDIR/profile" --virtual-time-budget=3000 --dump-dom \
		"file://$PWD/report.html" 2>/dev/null)
	has "$dom" 'data-ready="yes"'
	has "$dom" '<tr><th>Findings</th><td class="v">1 error</td></tr>'
	has "$dom" '547 ok, 7 mismatch'
	has "$dom" 'class="sev-error"'
	has "$dom" 'iomem_caps'
}

@test "one page shows one domain; a page that cannot be written is an error" {
	D=$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt
	emt import "$D" --release 4.17.7 -o many.emt
	domains=$("$EMTCTL" report many.emt --json | jq '.data.reports | length')
	emt report many.emt -o p.html
	[ "$domains" = 1 ] || status_is 2
	emt report guest.emt -o no/such/p.html
	status_is 2
	has "$stderr" no/such/p.html
	[ ! -e no ]
}

@test "what an emtd remembers is in the report" {
	emt report guest.emt --json
	jq_is '.data.reports[0] | .history == [] and (.history_note | length) > 0'
	emt import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" --release 4.2.0 --domain 1 -o bad.emt
	cp guest.emt clean.emt
	cp bad.emt guest.emt
	start_emtd "watch = $PWD/guest.emt" "history = $PWD/h.db" "watch_budget = 100"
	emt wait 'findings > 0' --timeout 5s
	status_is 0
	cp clean.emt next
	mv next guest.emt
	emt wait 'findings == 0' --timeout 5s
	status_is 0
	emt report guest.emt --json
	jq_is '.data.reports[0] | (.history | length) >= 1 and .history_note == null'
	jq_is '[.data.reports[0].history[] | .state == "cleared" and .first_seen <= .last_seen] | all'
	emt report guest.emt --ticket -o report.html
	has "$output" "history   cleared, 20"
	[ "$(wc -l <<<"$output")" -le 60 ]
	grep -q '"history_total":[1-9]' report.html
}

@test "of a live domain too, whoever runs the report: emtctl itself, or emtd for it" {
	fake_xen
	start_emtd "watch = 5,costs=yes" "allow_costs = yes" "history = $PWD/h.db"
	emt wait 'complete && findings > 0' --timeout 10s
	status_is 0
	emt report 5,costs=yes -o r.html
	status_is 0
	grep -q '"history_total":[1-9]' r.html
	emt report 5,costs=yes --ticket
	status_is 0
	grep -q 'client [0-9]*: report 5' emtd.log || { cat emtd.log >&2; false; }
	has "$output" "history   open, 20"
	has "$output" "1. error mismatch"
	emt report 5,costs=yes --json
	jq_is '.data.reports[0] | .history_note == null and (.history | length) == 1'
}
