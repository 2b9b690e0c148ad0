#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Live domains against a Xen of the tests' own: what is asked of it, what is refused, and
# that a capture taken of it says the same. What runs on a real Xen is in tests/lab.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fake_xen
	export FAKEXEN_LOG=$PWD/calls.log
}

@test "domains: each with its type and the way to its entries, at no cost" {
	emt domains --json
	status_is 0
	jq_is '[.data.domains[] | .type] == ["pv", "pvh"]'
	jq_is '[.data.domains[] | .route] == ["p2m", "key-d"]'
	jq_is '.data.host.console_ring_bytes == 4194304 and .data.host.serial_baud == null'
	lacks "$(cat calls.log)" debug_keys
	lacks "$(cat calls.log)" gethvmcontext
	FAKEXEN_CMDLINE="conring_size=16k" emt domains --json
	jq_is '[.data.domains[] | .route] == ["p2m", "none"]'
	jq_is '.data.domains[1].why | test("conring_size=1M")'
}

@test "live domains are completed, at no cost" {
	emt complete -- audit p2
	has "$output" "p2m:self"
	emt complete -- audit ""
	status_is 0
	grep -q "^5\b" <<<"$output"
	grep -q "^0\b" <<<"$output"
	emt complete -- show xen:
	grep -q "^xen:5\b" <<<"$output"
	lacks "$(cat calls.log)" gethvmcontext
	lacks "$(cat calls.log)" debug_keys
}

@test "without consent entries are refused with their cost, and nothing that costs is done" {
	for words in "audit 5" "show xen:5" "map 5" "capture take 5 -o x.emt"; do
		read -r -a argv <<<"$words"
		emt "${argv[@]}"
		status_is 2
		[ -z "$output" ]
		has "$stderr" "xen:5,costs=yes"
		has "$stderr" "KiB"
	done
	[ ! -e x.emt ]
	lacks "$(cat calls.log)" debug_keys
	lacks "$(cat calls.log)" gethvmcontext
}

@test "a p2m type is asked for where it decides a verdict, there only, and is kept" {
	cat >types-D.txt <<-'END'
		(XEN)
		(XEN) domain5 EPT p2m table:
		(XEN) gfn:             0 order:  0 mfn:            10 rwx WB!
		(XEN) gfn:             1 order:  0 mfn:            31 rw  WB!
		(XEN) gfn:             2 order:  0 mfn:            22 rwx WB!
		(XEN) gfn:             3 order:  0 mfn:            43 rw  UC
	END
	export FAKEXEN_D=$PWD/types-D.txt
	# HVMMEM_mmio_dm: with these permissions only a foreign frame, always WB!
	FAKEXEN_TYPES=0202 emt show 5,costs=yes --json
	jq_is '[.data.runs[] | .verdict] | .[1] == "ok" and .[3] == "mismatch"'
	jq_is '.data.runs[1].p2m_types == ["map_foreign"]'
	# one for whether it can be asked, two for what it decides
	grep -q '^HVMOP_get_mem_type 3$' calls.log
	FAKEXEN_TYPES=0202 emt capture take 5,costs=yes -o kept.emt
	status_is 0
	emt show kept.emt --json
	jq_is '[.data.runs[] | .verdict] | .[1] == "ok" and .[3] == "mismatch"'
	emt facts kept.emt
	has "$output" "HVMOP_get_mem_type"
	# so that every command says the same of the domain and of its capture
	for words in "whatif SOURCE --release 4.14.0" "upgrade-check 4.17.7 4.14.0 SOURCE" "audit SOURCE" "facts SOURCE"; do
		read -r -a argv <<<"${words/SOURCE/5,costs=yes}"
		FAKEXEN_TYPES=0202 emt "${argv[@]}" --json
		jq -S '.data | del(.. | .time?)' <<<"$output" >live.json
		read -r -a argv <<<"${words/SOURCE/kept.emt}"
		emt "${argv[@]}" --json
		jq -S '.data | del(.. | .time?)' <<<"$output" >kept.json
		grep -q verdict live.json || grep -q '"domain"' live.json
		sed -i 's/kept.emt\|5,costs=yes\|xen:5/SOURCE/g' live.json kept.json
		diff live.json kept.json
	done
	FAKEXEN_TYPES=0202 emt diff 5,costs=yes kept.emt --json
	jq_is '.data.changes == [] and .data.facts == []'
	# HVMMEM_ram_rw leaves two types: nothing is made up
	FAKEXEN_TYPES=0000 emt show 5,costs=yes --json
	jq_is '[.data.runs[] | .verdict] | .[1] == "undetermined" and .[3] == "undetermined"'
}

@test "with consent too: a small ring or a slow serial line is refused, not tried" {
	FAKEXEN_CMDLINE="" emt audit 5,costs=yes
	status_is 2
	has "$stderr" "conring_size=1M"
	FAKEXEN_CMDLINE="conring_size=4M com1=9600" emt audit 5,costs=yes
	status_is 2
	has "$stderr" "console=vga"
	lacks "$(cat calls.log)" "keys D"
}

@test "a capture taken live gives the findings of the live audit" {
	emt audit 5,costs=yes --all --json
	[ "$status" -le 1 ]
	jq -S '.data.findings | map(del(.next))' <<<"$output" >live
	jq -S '.data.domains | map(del(.time, .generation))' <<<"$output" >live-domain
	emt capture take 5,costs=yes -o taken.emt
	status_is 0
	emt audit taken.emt --all --json
	jq -S '.data.findings | map(del(.next))' <<<"$output" >offline
	jq -S '.data.domains | map(del(.time, .generation))' <<<"$output" >offline-domain
	diff live offline
	diff live-domain offline-domain
	[ "$(jq '.[0].entries' live-domain)" = 49 ]
}

@test "one command, one dump; and no call but those of the table" {
	for words in "audit 5,costs=yes --all" "facts 5,costs=yes" "explain 5,costs=yes 0x200" "show 5,costs=yes" \
		"map 5,costs=yes" "bars 5,costs=yes" "metrics 5,costs=yes" "whatif 5,costs=yes --release 4.14.0" \
		"domains" "facts 0" "facts 5" "upgrade-check 4.14.0 4.17.7 5,costs=yes"; do
		rm -f calls.log
		read -r -a argv <<<"$words"
		emt "${argv[@]}"
		[ "$status" -le 1 ] || [ "$status" = 3 ]
		grep -qx 'foreign 0' calls.log
		grep -qx 'buffers 0' calls.log
		[ "$(awk '/keys D/ { n += $NF } END { print n + 0 }' calls.log)" -le 1 ]
	done
}

@test "a dump with garbage, and one of another domain only" {
	{ cat fake-D.txt; echo "(XEN) gfn: zzzz order: what"; } >garbage
	FAKEXEN_D=$PWD/garbage emt audit 5,costs=yes --json
	[ "$(jq .complete <<<"$output")" = false ]
	sed 's/domain5/domain7/' fake-D.txt >other
	FAKEXEN_D=$PWD/other emt audit 5,costs=yes
	status_is 2
	has "$stderr" "no EPT of this domain"
	: >empty
	FAKEXEN_D=$PWD/empty emt audit 5,costs=yes
	status_is 2
	# nothing stays behind
	[ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'emt-??????' -newer fake-D.txt)" ]
}

@test "pins come from the journal of toolstack calls, as far as it was watched" {
	{
		echo '{"record":"header","time":"2026-01-01T12:00:00Z"}'
		echo '{"record":"toolstack_event","event":"create","domain":5}'
		echo '{"record":"toolstack_event","event":"pin","domain":5,"gfn":256,"count":16,"type":1}'
	} >journal.ndjson
	EMTCTL_JOURNAL=/nonexistent emt facts xen:5 --all --json
	jq_is '.data.facts[] | select(.fact == "pins") | .origin | test("journal") | not'
	export EMTCTL_JOURNAL=$PWD/journal.ndjson
	# nobody writes it any more
	emt facts xen:5 --all --json
	jq_is '.data.facts[] | select(.fact == "pins") | .held == "assumed" and .since == .time and .ranges[0].held == "assumed"'
	# the writer goes on
	flock --no-fork journal.ndjson.lock sleep 30 &
	pid=$!
	until [ -e journal.ndjson.lock ] && ! flock -n -s journal.ndjson.lock true; do sleep 0.05; done
	emt facts xen:5 --all --json
	kill "$pid"
	jq_is '.data.facts[] | select(.fact == "pins") | .held == "known" and .since == null and
		(.origin | test("since the domain.s creation"))'
}

# A journal whose writer goes on, out of the lines on standard input; journal_ends lets go.
journal() {
	export EMTCTL_JOURNAL=$PWD/journal.ndjson
	{
		echo '{"record":"header","time":"2026-01-01T12:00:00Z"}'
		sed 's/^/{"record":"toolstack_event","domain":5,/; s/$/}/'
	} >journal.ndjson
	flock --no-fork journal.ndjson.lock sleep 30 &
	writer=$!
	until [ -e journal.ndjson.lock ] && ! flock -n -s journal.ndjson.lock true; do sleep 0.05; done
}
journal_ends() { kill "$writer"; wait "$writer" || true; }

@test "rights, devices, types and the IOMMU come from the journal; what is asked for goes before it" {
	journal <<-'END'
		"event":"create","type":35,"on":true
		"event":"iomem-permission","mfn":1044480,"count":16,"on":true
		"event":"ioport-permission","port":1016,"count":8,"on":true
		"event":"assign-device","device":"0000:00:04.0"
		"event":"set-mem-type","gfn":32,"count":4,"type":1
	END
	emt facts 5 --all --json
	status_is 0
	of() { jq -c ".data.facts[] | select(.fact == \"$1\")" <<<"$output"; }
	jq -e '.held == "known" and .rest == "assumed" and (.origin | test("journal")) and
		.ranges[0].first == 1044480 and .ranges[0].last == 1044495' <<<"$(of iomem_caps)"
	jq -e '.ranges[0].first == 1016 and .ranges[0].last == 1023' <<<"$(of ioport_caps)"
	jq -e '.held == "known" and .value == "1"' <<<"$(of pci_devices)"
	jq -e '.held == "known" and .value == "yes" and (.origin | test("journal"))' <<<"$(of domain_iommu)"
	jq -e '.held == "assumed" and .ranges[0].first == 32 and .ranges[0].last == 35' <<<"$(of types)"
	# key q tells the rights as they are
	emt facts 5,costs=yes --all --json
	jq -e '.origin == "key q"' <<<"$(of iomem_caps)"
	jq -e '.origin | test("journal")' <<<"$(of types)"
	journal_ends
}

@test "a verdict says from when on the journal is complete" {
	printf '(XEN)\n(XEN) domain5 EPT p2m table:\n(XEN) gfn:             0 order:  0 mfn:            10 rwx WC!\n' >pinned-D.txt
	export FAKEXEN_D=$PWD/pinned-D.txt
	# watched from noon on: whoever pinned it did so before
	journal <<-'END'
		"event":"pin","gfn":256,"count":16,"type":1
	END
	emt audit 5,costs=yes --json
	jq_is '.data.findings[0] | .kind == "suspect" and (.explanation | test("one WC pin on 0x0, set before 2026-01-01T12:00:00Z, would explain 1 entry"))'
	emt explain 5,costs=yes 0 --json
	has "$output" "complete from 2026-01-01T12:00:00Z on"
	emt capture take 5,costs=yes -o taken.emt
	emt audit taken.emt
	has "$output" "set before 2026-01-01T12:00:00Z"
	journal_ends
	# from its creation on: a call that does not pass the toolstack
	journal <<-'END'
		"event":"create"
	END
	emt audit 5,costs=yes --json
	jq_is '.data.findings[0] | .kind == "suspect" and (.explanation | test("set before") | not)'
	# and the pin that was made
	journal_ends
	journal <<-'END'
		"event":"create"
		"event":"pin","gfn":0,"count":1,"type":1
	END
	emt audit 5,costs=yes --json
	jq_is '.data.findings | map(select(.kind == "suspect")) == []'
	journal_ends
}
