#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# map in the terminal, and its page in a real browser (packages chromium, chromium-driver).

load helper

BROWSER=$(command -v chromium || command -v chromium-browser || true)
PAGE_GUEST=$CAPTURES/situations/B-mmio/D04-reevaluated.emt

# Render a page at a fragment; its document in $dom.
render() {
	[ -n "$BROWSER" ] || skip "no chromium here: install the package chromium"
	dom=$(timeout 60 "$BROWSER" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$BATS_TEST_TMPDIR/profile" --virtual-time-budget=3000 --dump-dom \
		"file://$1$2" 2>/dev/null)
	has "$dom" 'data-ready="yes"'
}

page() {
	emt map "$PAGE_GUEST" --html "$BATS_TEST_TMPDIR/p.html" "$@"
	status_is 0
}

@test "letters by type, areas without the holes, a legend" {
	emt map "$PAGE_GUEST"
	status_is 0
	has "$output" "0x0-0x1fff  32 MiB, a cell is 256 KiB"
	has "$output" "UUUUUUUU........UU..............UU"
	has "$output" "B  32 MiB     write-back"
	has "$output" "?  72 KiB     recomputed when next touched"
	lacks "$output" $'\033'
}

@test "a range is shown in more detail, and marks show findings" {
	emt map "$GUEST" 0xf0000-0xf01ff --release 4.14.0 --cells 32
	status_is 0
	has "$output" "a cell is 4 KiB"
	has "$output" "^^^^"
	emt map "$GUEST" 0x800-0x8ff --cells 64
	has "$output" "0x800-0x8ff  1 MiB, a cell is 4 KiB"
}

@test "it fits the width" {
	for w in 40 80 200; do
		COLUMNS=$w emt map "$PAGE_GUEST" --cells "$((w - 20))"
		status_is 0
		[ "$(awk '/^ +0x[0-9a-f]+ [A-Za-z?.]+$/ && length > max { max = length } END { print max + 0 }' \
			<<<"$output")" -le "$w" ]
	done
}

@test "JSON gives the cells, and they add up" {
	emt map "$PAGE_GUEST" --json
	status_is 0
	bytes=$("$EMTCTL" show "$PAGE_GUEST" --json | jq '[.data.runs[].bytes] | add')
	jq_is "[.data.rows[].cells[].mapped_bytes] | add == $bytes"
	jq_is ".data.domains[0].bytes == $bytes"
	jq_is '[.data.rows[].cells[] | select(.type == "UC") | .letter] | unique == ["U"]'
	jq_is '.data.rows[0].cells[0] | .first_gfn == 0 and .last_gfn == 63 and .verdicts == ["ok"]'
}

@test "the page renders" {
	page
	render "$BATS_TEST_TMPDIR/p.html" ""
	has "$dom" 'data-range="all"'
	has "$dom" 'data-areas="9"'
	has "$dom" "<h1 id=\"title\">domain 2</h1>"
	has "$dom" "iomem_caps"
}

@test "the page zooms and filters" {
	page
	render "$BATS_TEST_TMPDIR/p.html" "#range=0xf1000-0xf5010"
	has "$dom" 'data-range="0xf1000-0xf5010"'
	has "$dom" 'data-cells="26" data-shown="26"'
	render "$BATS_TEST_TMPDIR/p.html" "#range=0xf1000-0xf5010&type=WB"
	has "$dom" 'data-cells="26" data-shown="0"'
	render "$BATS_TEST_TMPDIR/p.html" "#verdict=pending"
	has "$dom" 'data-shown="18"'
	render "$BATS_TEST_TMPDIR/p.html" "#range=nonsense&type=<b>"
	has "$dom" 'data-range="all"'
}

@test "findings and their explanation are on the page" {
	page --release 4.15.0
	render "$BATS_TEST_TMPDIR/p.html" ""
	has "$dom" 'class="sev-warning"'
	has "$dom" "if other than assumed"
}

@test "the page needs nothing from outside, and works in the dark" {
	page
	run grep -Eo '(https?:|//[a-z]+\.|src=|href=|@import|url\()' "$BATS_TEST_TMPDIR/p.html"
	[ -z "$output" ]
	grep -q 'prefers-color-scheme:dark' "$BATS_TEST_TMPDIR/p.html"
	grep -q "default-src 'none'" "$BATS_TEST_TMPDIR/p.html"
}

@test "texts of a capture are data, never markup" {
	cp "$PAGE_GUEST" "$BATS_TEST_TMPDIR/<img src=x onerror=alert(1)>.emt"
	cd "$BATS_TEST_TMPDIR"
	emt map "capture:<img src=x onerror=alert(1)>.emt" --html p.html
	status_is 0
	run grep -c '<img' p.html
	[ "$output" = 0 ]
	render "$BATS_TEST_TMPDIR/p.html" ""
	has "$dom" '&lt;img src=x onerror=alert(1)&gt;.emt'
}

@test "a page that cannot be written is an error, and nothing is left" {
	emt map "$PAGE_GUEST" --html "$BATS_TEST_TMPDIR/no/such/p.html"
	status_is 2
	if [ -e /dev/full ]; then
		emt map "$PAGE_GUEST" --html /dev/full
		status_is 2
		[ -e /dev/full ]
	fi
}
