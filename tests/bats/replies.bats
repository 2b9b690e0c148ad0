#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# Every command's reply as text, JSON and NDJSON: the last two have the shape that
# the schemas declare. A command that is not run here fails the suite.

load helper

# name|words (GUEST, RAW, OUT, D stand for files)
commands() {
	cat <<-'END'
		audit|audit GUEST --release 4.14.0
		audit|audit RAW --all
		audit|audit BARE
		show|show GUEST
		show|show RAW --intermediate
		explain|explain GUEST 0xf0010
		explain|explain GUEST 0x70000
		explain|explain RAW 0xfeff8
		facts|facts GUEST
		facts|facts RAW --all
		import|import D -o OUT --release 4.17.7
		capture show|capture show GUEST
		capture verify|capture verify GUEST
		capture verify|capture verify BAD
		policy list|policy list
		policy show|policy show 4.15.0
		policy compare|policy compare 4.2.0 4.22.0
		policy check|policy check VECTORS
		policy check|policy check WRONG
		use|use GUEST
		set|set release 4.14.0
		echo|echo text
		expect findings|expect findings 0+ GUEST
		expect verdict|expect verdict ok 0x200 GUEST
		expect count|expect count 1+ show GUEST
		expect status|expect status 0 capture verify GUEST
		schema|schema
		schema|schema policy show
		iommu commands|iommu commands mem:machine.img
		flush|flush table none
		iommu audit|iommu audit devices.emt
		iommu show|iommu show devices.emt
		events|events --journal journal.ndjson
		flush|flush ram_rw ram_ro --release 4.5.1 --paging ept
		self-test|self-test
		diff|diff BMMIO AREV
		whatif|whatif GUEST --pin 0x100-0x3ff=WC
		upgrade-check|upgrade-check 4.14.0 4.17.7 GUEST
		upgrade-check|upgrade-check 4.2.0 4.22.0
		audit|audit vm.emt
		explain|explain vm.emt 0xc0100
		facts|facts vm.emt
		map|map vm.emt
		bars|bars vm.emt
		whatif|whatif vm.emt --noncoherent off
		upgrade-check|upgrade-check K2 kvm-memslot vm.emt
		crosscheck|crosscheck vm.emt --calls CALLS
		crosscheck|crosscheck vm.emt --calls CALLS --release K5
		bars|bars BMMIO --release 4.15.0
		bars|bars TABLES
		effective|effective TABLES
		audit|audit TABLES --effective yes --all
		effective|effective TABLES --cr3 0x10000 --fail-on info
		alias|alias TABLES
		special|special GUEST --release 4.14.0
		pv|pv mem:pv.img --kernel 3.2.0 --bar 0x10000+16
		pv|pv mem:pv.img --kernel 6.1.0
		explain|explain TABLES --va 0x401010
		capture take|capture take TABLES --guest-tables -o OUT
		mappings|mappings GUEST --journal mapped
		doctor|doctor
		metrics|metrics GUEST --release 4.14.0
		report|report GUEST --release 4.14.0
		report|report GUEST -o PAGE
		observe|observe GUEST --release 4.14.0
		domains|domains
		audit|audit 5 --check
		query status|query status
		query load|query load -y
		query unload|query unload
		query offsets|query offsets xen-syms
		query measure|query measure 5
		watch|watch --timeout 1s
		wait|wait complete --timeout 5s
		history|history --audits --facts --events
		capture take|capture take 5,costs=yes -o OUT
		audit|audit 5,costs=yes
		map|map GUEST --release 4.14.0
		map|map GUEST --html PAGE
		help|help
		version|version
	END
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fake_xen
	"$EMTCTL" help --json >help.json 2>/dev/null
	D=$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt
	"$EMTCTL" import "$D" --release 4.17.7 -o bare.emt >/dev/null 2>&1 || [ $? = 3 ]
	xen_syms xen-syms
	head -c 800 "$CAPTURES/ept-linux/d-linux.emt" >bad.emt
	"$ROOT/tests/tools/iommu-image" machine.img
	"$BUILD/tests/tools/guest2emt" "$ROOT/tests/data/guest/facts.json" tables.emt
	"$BUILD/tests/tools/pvimage" pv.img
	device_tables
	cp "$ROOT/tests/data/journal.ndjson" .
	{ # two frames that were mapped, one of them elsewhere now
		echo '{"record":"header","time":"2026-01-01T12:00:00Z"}'
		"$EMTCTL" show "$GUEST" --split --ndjson | jq -c 'select(.record == "run" and .mfn != null) |
			{record: "toolstack_event", time: "2026-01-01T12:01:00Z", event: "foreign-mapping", domain, gfn,
			mfn: (.mfn + .gfn % 2), count: 1, pid: 7, command: "xl"}' | sed -n '1,2p'
		echo '{"record":"watching","to":"2026-01-01T13:00:00Z","frames":2,"frames_lost":0}'
	} >mapped
	"$BUILD/tests/tools/kvm2emt" "$ROOT"/tests/data/kvm/framebuffer.{json,txt} vm.emt example
	zstd -dqc "$VECTORS/emt-kvm.jsonl.zst" | head -n 2 | sed 's/"v":"WB"/"v":"UC"/g' >wrong.jsonl
}

teardown() {
	stop_emtd
}

words_of() {
	local words=$1
	words=${words//GUEST/$GUEST}
	words=${words//RAW/$RAW}
	words=${words//BMMIO/$CAPTURES/situations/B-mmio/D04-reevaluated.emt}
	words=${words//AREV/$CAPTURES/situations/B-mmio/D05-revoked-touched.emt}
	words=${words//PAGE/page.html}
	words=${words//CALLS/$ROOT/tests/data/kvm/calls.txt}
	words=${words//BARE/bare.emt}
	words=${words//TABLES/tables.emt}
	words=${words//BAD/bad.emt}
	words=${words//VECTORS/$VECTORS/epte-decode.jsonl.zst}
	words=${words//WRONG/wrong.jsonl}
	words=${words// OUT/ out.emt}
	words=${words// D / $D }
	echo "$words"
}

@test "no command is left out" {
	# what watches a kernel answers only where that kernel lets it: iommu.bats
	[ "$({ commands && echo "iommu watch"; } | cut -d'|' -f1 | sort -u)" = "$(jq -r '.data.commands[].name' help.json | sort -u)" ]
}

@test "each reply has the declared shape, in both forms, and both say the same" {
	cp "$CAPTURES/situations/D-foreign-grant/D03-iomem-touched.emt" watched.emt
	start_emtd "watch = $PWD/watched.emt" "watch_interval = 3600" "history = $PWD/history.db" "allow_costs = yes"
	"$EMTCTL" wait complete --timeout 5s >/dev/null
	socket=$EMTD_SOCKET
	n=0
	while IFS='|' read -r _ words; do
		read -r -a argv <<<"$(words_of "$words")"
		unset FAKEXEN_QUERY EMTD_SOCKET
		[[ ! $words =~ ^(watch|wait|history) ]] || export EMTD_SOCKET=$socket
		[[ ! $words =~ ^query\ (unload|measure)|--check$ ]] || export FAKEXEN_QUERY=applied
		emt "${argv[@]}" --json
		[ "$status" -le 3 ]
		printf '%s\n' "$output" >"$n.json"
		first=$status
		jq_is ".exit_status == $status and .error == null"
		emt "${argv[@]}" --ndjson
		printf '%s\n' "$output" >"$n.ndjson"
		[ "$status" = "$first" ]
		total=$(jq '[.data[] | if type == "array" then length elif . == null then 0 else 1 end] | add' "$n.json")
		[ "$(wc -l <"$n.ndjson")" = $((total + 2)) ]
		emt "${argv[@]}"
		[ "$status" = "$first" ]
		# `set` and `use` need say nothing; the JSON may hold no record.
		[ -n "$output" ] || [ "$total" = 0 ] || [[ $words =~ ^(set|use) ]]
		! grep -q $'\033' <<<"$output"
		n=$((n + 1))
	done < <(commands)
	[ "$n" -ge 30 ]
	"$ROOT/tests/schema/check" "$EMTCTL" [0-9]*.json [0-9]*.ndjson
}

@test "with --json standard output is one JSON document, whatever happens" {
	for words in "audit" "audit /nonexistent.emt" "frob" "show $GUEST --where x" "explain $GUEST zz" "--json" \
		"policy check /dev/null" "capture show $CAPTURES" "audit $GUEST --domain 5" "help frob"; do
		read -r -a argv <<<"$words"
		emt "${argv[@]}" --json
		[ "$(jq -s 'length' <<<"$output")" = 1 ]
		jq_is ".exit_status == $status"
		printf '%s\n' "$output" >one.json
		"$ROOT/tests/schema/check" "$EMTCTL" one.json
	done
}
