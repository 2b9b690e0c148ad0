#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# pv: the p2m of a PV dom0 out of a machine's memory, whole and with things wrong.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	"$BUILD/tests/tools/pvimage" pv.img
	"$BUILD/tests/tools/pvimage" bad.img bad
}

@test "a dom0 as it should be: RAM, balloon, identity" {
	emt pv mem:pv.img --kernel 6.1.0-42-amd64 --json
	status_is 0
	jq_is '.data.domains[0] | .domain == 0 and .frames == 1024 and .populated == 256 and .identity == 97 and .missing == 671 and .complete and .findings == 0'
	jq_is '.data.domains[0] | .rules == "4.3 and later" and .list == "linear"'
	jq_is '[.data.runs[] | [.pfn, .kind, .place]] ==
		[[0, "frame", "ram"], [159, "identity", "reserved"], [256, "frame", "ram"], [353, "missing", "ram"]]'
	emt pv mem:pv.img
	has "$output" "of a release not known"
}

@test "each wrong entry is told, with what it does" {
	emt pv mem:bad.img --kernel 6.1.0 --json
	status_is 1
	jq_is '[.data.runs[] | select(.finding != "ok") | [.pfn, .finding]] ==
		[[16, "identity-on-ram"], [32, "m2p-mismatch"], [184, "identity-missing"], [192, "frame-in-hole"]]'
	jq_is '[.data.runs[] | select(.pfn == 184) | .text] | .[0] | contains("will fault")'
	# a kernel whose PTEs need the mark
	emt pv mem:bad.img --kernel 3.2.0 --json
	jq_is '[.data.runs[] | select(.pfn == 184) | .text] | .[0] | contains("_PAGE_IOMAP")'
	emt pv mem:bad.img --kernel 6.1.0 --fail-on critical
	status_is 0
}

@test "a BAR above RAM: identity since 3.16, missing before, by the kernel's rule" {
	emt pv mem:pv.img --kernel 4.9.0 --bar 0x8000000+16 --bar 0xa0-0xbf --json
	status_is 0
	jq_is '.data.domains[0] | .devices == 2 and .devices_bad == 0'
	jq_is '[.data.runs[] | select(.pfn == 134217728) | .kind == "identity" and .place == "above" and .device != null] == [true]'
	emt pv mem:pv.img --kernel 3.2.0 --bar 0x10000+16 --json
	status_is 1
	jq_is '[.data.runs[] | select(.pfn == 65536) | .finding == "identity-missing" and .by_rule] == [true]'
	emt pv mem:bad.img --kernel 4.9.0 --bar 0xb8-0xbf --json
	status_is 1
	jq_is '.data.domains[0].devices_bad == 1'
}

@test "RAM of the map as it is stated" {
	emt pv mem:pv.img --kernel 6.1.0 --ram 0x0-0x9e --ram 0x100-0x15f --json
	status_is 1
	jq_is '[.data.runs[] | select(.finding != "ok") | [.pfn, .finding, .place]] ==
		[[352, "frame-in-hole", "above"], [353, "missing-in-hole", "above"]]'
	jq_is '.data.domains[0].memory_map == "stated by the user"'
}

@test "what is no PV domain is refused" {
	emt pv mem:pv.img --domain 1
	status_is 2
	emt pv "$GUEST"
	status_is 2
	has "$stderr" "mem:FILE"
	emt pv mem:pv.img --kernel none
	status_is 2
	has "$stderr" "uname -r"
}

@test "a PV domain is audited, shown, explained, mapped and compared as others are" {
	emt audit mem:bad.img,table=pv --json
	status_is 1
	jq_is '.data.domains[0] | .paging == "pv" and .entries == 1024'
	jq_is '[.data.findings[] | [.ranges[0].first_gfn, .verdict, (.explanation | split(":")[0])]] | sort == [
		[16, "mismatch", "identity-on-ram"], [32, "mismatch", "m2p-mismatch"],
		[184, "mismatch", "identity-missing"], [192, "mismatch", "frame-in-hole"]]'
	emt audit mem:pv.img,table=pv,domid=0
	status_is 0
	emt show mem:bad.img,table=pv --json
	jq_is '[.data.runs[] | select(.reason != null) | [.gfn, .reason]] ==
		[[16, "identity-on-ram"], [32, "m2p-mismatch"], [184, "identity-missing"], [192, "frame-in-hole"]]'
	jq_is '[.data.runs[] | select(.gfn == 159) | .p2m_type == "mmio_direct" and .emt == null and .mfn == 159] == [true]'
	emt explain mem:bad.img,table=pv 0xb8 --json
	jq_is '.data.explanations[0] | .text | contains("identity") and contains("will fault")'
	emt map mem:bad.img,table=pv
	status_is 0
	has "$output" "MMMMMMMMMMMMMMMMI"
	has "$output" "identity"
	emt map mem:bad.img,table=pv --html map.html
	status_is 0
	emt diff mem:pv.img,table=pv mem:bad.img,table=pv --json
	status_is 1
	jq_is '[.data.findings[] | select(.change == "new")] | length == 4'
	emt facts mem:bad.img,table=pv --json
	jq_is '[.data.facts[] | select(.fact == "pv_m2p") | .ranges[] | [.first, .tag]] == [[32, 33], [192, 768]]'
	emt report mem:bad.img,table=pv --ticket
	has "$output" "identity-missing"
	emt metrics mem:bad.img,table=pv
	has "$output" 'kind="mismatch",severity="error"} 4'
}

@test "a capture of a PV domain says offline what its memory says" {
	emt capture take mem:bad.img,table=pv -o bad.emt
	status_is 0
	emt capture verify bad.emt
	status_is 0
	for c in audit show map facts; do
		emt "$c" mem:bad.img,table=pv --json
		jq -S '.data | walk(if type == "object" then del(.origin, .time, .label, .generation, .name, .next, .hint, .loss) else . end)' \
			<<<"$output" >live
		emt "$c" bad.emt --json
		jq -S '.data | walk(if type == "object" then del(.origin, .time, .label, .generation, .name, .next, .hint, .loss) else . end)' \
			<<<"$output" >offline
		diff live offline
	done
	emt pv mem:bad.img --kernel 6.1.0 --json
	jq -S '.data.runs' <<<"$output" >live
	emt pv bad.emt --kernel 6.1.0 --json
	status_is 1
	jq -S '.data.runs' <<<"$output" >offline
	diff live offline
	jq_is '.data.domains[0] | .populated == 256 and .findings == 4 and .complete'
	emt explain bad.emt 0xb8
	status_is 0
	has "$output" "has identity there"
}

@test "commands about memory types refuse a PV domain, and say what does not" {
	for c in "bars SRC" "special SRC" "effective SRC" "alias SRC" "whatif SRC --pin 0x10=WC" "upgrade-check 4.14.0 4.17.7 SRC"; do
		read -ra words <<<"${c/SRC/mem:pv.img,table=pv}"
		emt "${words[@]}"
		status_is 2
		has "$stderr" "is a PV domain"
		has "$stderr" "emtctl audit"
	done
}

@test "p2m:self outside a PV domain says what is missing" {
	emt pv p2m:self
	status_is 2
	has "$stderr" "p2m:self"
	emt audit p2m:self
	status_is 2
	emt audit p2m:other
	status_is 2
	has "$stderr" "write p2m:self"
}

@test "p2m:self without rights: BPF is refused, and what is missing is said" {
	command -v setpriv >/dev/null || skip "no setpriv"
	[ "$(id -u)" = 0 ] || skip "needs root to give rights away"
	cp "$BUILD/emtctl" emtctl
	chmod 755 . .. emtctl
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all ./emtctl pv p2m:self
	[ "$status" = 2 ]
	has "$stderr" "p2m:self"
	has "$stderr" "CAP_BPF" || has "$stderr" "made without"
}
