#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# show and facts: records, filters, columns, order.

load helper

@test "runs merge, --split does not" {
	emt show "$GUEST" --json
	status_is 0
	runs=$(jq_of '.data.runs | length')
	entries=$(jq_of '[.data.runs[].count] | add')
	[ "$entries" = 554 ]
	[ "$runs" -lt 60 ]
	emt show "$GUEST" --split --json
	status_is 0
	jq_is '.data.runs | length == 554'
	jq_is '[.data.runs[].count] | unique == [1]'
	# in gfn order, without a gap within a run
	jq_is '[.data.runs[].gfn] as $g | $g == ($g | sort)'
}

@test "text is a table with the usual columns" {
	emt show "$GUEST"
	status_is 0
	[ "$(tr -s ' ' <<<"${lines[0]}")" = " GFN LAST-GFN ORDER COUNT MFN PERM TYPE VERDICT EXPECTED DEFECTS" ]
	has "${lines[1]}" "0x5d200"
}

@test "one frame, a range, FIRST+COUNT" {
	emt show "$GUEST" 0x205 --json
	status_is 0
	jq_is '.data.runs | length == 1 and .[0].gfn == 517 and .[0].last_gfn == 517 and .[0].mfn == 384517'
	emt show "$GUEST" 0x3f0-0x410 --json
	jq_is '[.data.runs[].gfn] == [1008, 1024]'
	jq_is '.data.runs[1].order == 9 and .data.runs[1].last_gfn == 1535'
	emt show "$GUEST" 0x200+4 -o count
	[ "${lines[1]// /}" = 4 ]
	emt show "$GUEST" 0x70000 --json
	status_is 0
	jq_is '.data.runs == []'
}

@test "filters" {
	all=$("$EMTCTL" show "$GUEST" --split --ndjson | jq -s 'map(select(.record == "run"))')
	while IFS='@' read -r expr jqexpr; do
		emt show "$GUEST" --split --json --where "$expr"
		status_is 0
		[ "$(jq_of '.data.runs | length')" = "$(jq "map(select($jqexpr)) | length" <<<"$all")" ] || {
			echo "differs: $expr" >&2
			return 1
		}
	done <<-'END'
		order > 0@.order > 0
		gfn >= 0xf0000 && gfn < 1M@.gfn >= 983040 and .gfn < 1048576
		type =~ "^WB"@.type | startswith("WB")
		not ipat@.ipat != true
		emt == 'UC' or perm eq 'rwx'@.emt == "UC" or .perm == "rwx"
		p2m_types == "ram_rw"@.p2m_types | index("ram_rw")
		defects != "KD7"@.defects | index("KD7") | not
		verdict !~ 'ok|pending'@.verdict != "ok" and .verdict != "pending"
		bytes ge 2M@.bytes >= 2097152
		mfn > gfn@.mfn > .gfn
	END
}

@test "columns: a list, added ones, all; in JSON too" {
	emt show "$GUEST" -o mfn,gfn --limit 2
	status_is 0
	[ "$(tr -s ' ' <<<"${lines[0]# *}")" = " MFN GFN" ] || [ "$(tr -s ' ' <<<"${lines[0]}")" = " MFN GFN" ]
	[ "${#lines[@]}" = 3 ]
	emt show "$GUEST" -o +reason,raw --limit 1
	has "${lines[0]}" "DEFECTS"
	has "${lines[0]}" "REASON"
	emt show "$GUEST" -o gfn,type --json --limit 1
	jq_is '.data.runs[0] | keys == ["gfn", "type"]'
	emt show "$GUEST" -o all --limit 1
	has "${lines[0]}" "SUPPRESS-VE"
}

@test "--sort and --limit" {
	emt show "$GUEST" --split --sort=-gfn --limit 3 --json -o gfn
	status_is 0
	jq_is '[.data.runs[].gfn] as $g | ($g | length) == 3 and $g[0] == 1044479 and $g == ($g | sort | reverse)'
	emt show "$GUEST" --sort order,-count -o order,count --json
	jq_is '[.data.runs[] | [.order, -.count]] as $k | $k == ($k | sort)'
}

@test "NDJSON: one object a line, counts at the end" {
	emt show "$GUEST" --ndjson --split
	status_is 0
	[ "${#lines[@]}" = 556 ]
	[ "$(jq -r '.counts.run' <<<"${lines[555]}")" = 554 ]
}

@test "raw entries and intermediate ones" {
	emt show "$RAW" --json --limit 1
	status_is 0
	jq_is '.data.runs[0].raw | startswith("0x")'
	emt show "$RAW" --intermediate --json --where 'entry == "intermediate"'
	status_is 0
	jq_is '.data.runs | length > 0'
	emt show "$RAW" --json --where 'entry == "intermediate"'
	jq_is '.data.runs | length == 0'
}

@test "facts say value, degree, origin, and how to get what is missing" {
	emt facts "$GUEST"
	status_is 0
	has "$output" "known    release"
	has "$output" "4.17.7"
	emt facts "$GUEST" --json
	status_is 0
	jq_is '.data.facts | map(select(.fact == "release"))[0] | .held == "known" and .value == "4.17.7" and .how == null'
	jq_is '.data.facts | map(select(.held == "unknown")) | all(.how | length > 0)'
	jq_is '.data.facts | map(select(.fact == "special"))[0].ranges | length > 0'
	jq_is '.data.facts | map(select(.fact == "host_mtrr"))[0].registers | map(.name) | index("MTRRdefType") != null'
	jq_is '.data.facts | map(select(.fact == "noncoherent_dma")) == []'
	emt facts "$GUEST" --all --json
	jq_is '.data.facts | map(select(.fact == "noncoherent_dma")) | length == 1'
	emt facts "$GUEST" --where 'held == "assumed"' -o fact,origin
	status_is 0
	lacks "$output" "release"
}
