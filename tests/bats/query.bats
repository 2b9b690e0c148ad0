#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# query: loading emt's livepatch into a Xen of the tests' own, and what is refused. A real Xen
# is asked in tests/lab.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fake_xen
	export FAKEXEN_LOG=$PWD/calls.log
}

@test "status changes nothing and tells the build" {
	emt query status --json
	status_is 0
	jq_is '.data.state | .payload == "absent" and .loadable and .known_as == "4.17.7 (Debian)"'
	jq_is '.data.state.build_id == "151b373fd64b321593bf987fd923cd10dabadac4"'
	FAKEXEN_QUERY=applied emt query status --json
	jq_is '.data.state | .payload == "applied" and (.loadable | not) and (.why | test("query unload"))'
	lacks "$(cat calls.log)" UPLOAD
	lacks "$(cat calls.log)" ACTION
}

@test "load asks first, says what changes, and does it once one agrees" {
	emt query load
	status_is 2
	[ -z "$output" ]
	for part in "iommu_do_domctl" "every processor stops" "query unload" "query load -y"; do
		has "$stderr" "$part"
	done
	lacks "$(cat calls.log)" UPLOAD
	emt query load -y --json
	status_is 0
	jq_is '.data.state.payload == "applied"'
	has "$stderr" "checked against 1 guest"
	grep -qx 'foreign 0' calls.log
	FAKEXEN_QUERY=applied emt query unload --json
	status_is 0
	jq_is '.data.state.payload == "absent"'
}

@test "load and unload are root's" {
	rm -f calls.log
	FAKEXEN_USER=1 emt query load -y --json
	json_error_is permission
	FAKEXEN_USER=1 FAKEXEN_QUERY=applied emt query unload --json
	json_error_is permission
	FAKEXEN_USER=1 emt query status
	status_is 0
	lacks "$(cat calls.log)" ACTION
}

@test "what cannot be loaded is refused with the reason" {
	FAKEXEN_QUERY=applied emt query load -y
	status_is 2
	has "$stderr" "already"
	FAKEXEN_QUERY=uploaded emt query load -y
	status_is 2
	has "$stderr" "query unload"
	emt query unload
	status_is 2
	has "$stderr" "not loaded"
	FAKEXEN_BUILD=00112233445566778899aabbccddeeff00112233 emt query load -y
	status_is 2
	has "$stderr" "00112233445566778899aabbccddeeff00112233"
	has "$stderr" "query offsets"
	FAKEXEN_OTHERS=1 emt query load -y
	status_is 2
	has "$stderr" "hotfix"
	FAKEXEN_LIVEPATCH=38 emt query load -y
	status_is 2
	has "$stderr" "without livepatch"
	FAKEXEN_LIVEPATCH=1 emt query load -y
	status_is 2
	has "$stderr" "XSM"
	FAKEXEN_LIVEPATCH=13 emt query status
	status_is 2
	has "$stderr" "security policy"
	[ ! -e calls.log ] || lacks "$(cat calls.log)" ACTION
}

@test "numbers of a file serve the build they were made from" {
	xen_syms xen-syms
	emt query offsets xen-syms --json
	status_is 0
	printf '%s\n' "$output" >numbers.json
	id=$(jq_of .data.build.build_id)
	jq_is '(.data.numbers | length) == 32 and .data.build.known_as == null'
	[ "$id" = "$(readelf -n xen-syms | sed -n 's/.*Build ID: //p')" ]
	FAKEXEN_BUILD=$id emt query load --offsets numbers.json -y --json
	status_is 0
	jq_is '.data.state.payload == "applied"'
	emt query load --offsets numbers.json -y
	status_is 2
	has "$stderr" "$id"
	jq '.data.numbers |= .[1:]' numbers.json >short.json
	FAKEXEN_BUILD=$id emt query load --offsets short.json -y
	status_is 2
	has "$stderr" "lacks domain.domain_id"
	emt query offsets "$EMTCTL"
	status_is 2
	strip -g -o bare xen-syms
	emt query offsets bare
	status_is 2
	has "$stderr" "no debug information"
}

@test "what is loaded is preferred: entries are exact, facts known, and nothing costs" {
	export FAKEXEN_QUERY=applied
	emt domains --json
	jq_is '[.data.domains[] | .route] == ["p2m", "query"]'
	emt facts 5 --all --json
	status_is 0
	for fact in pins mmio_ro iomem_caps ioport_caps domain_iommu iommu_snoop host_mtrr vcpu_mtrr vcpu_cr0 special; do
		jq_is ".data.facts[] | select(.fact == \"$fact\") | .held == \"known\" and .origin == \"query payload\""
	done
	jq_is '.data.facts[] | select(.fact == "pins") | .ranges == [{"first": 512, "last": 512, "tag": "UC"}] or
		(.ranges[0].first == 512 and .ranges[0].last == 512)'
	jq_is '.data.facts[] | select(.fact == "vcpu_pat") | .held == "unknown" and (.origin | test("costs=yes"))'
	# with consent the registers that hardware keeps come by the save record, and no key is pressed
	emt facts 5,costs=yes --all --json
	status_is 0
	jq_is '.data.facts[] | select(.fact == "vcpu_pat") | .held == "known" and .origin == "HVM save record"'
	jq_is '.data.facts[] | select(.fact == "vcpu_cr0") | .held == "known" and .origin == "query payload"'
	lacks "$(cat calls.log)" debug_keys
	rm calls.log
	emt audit 5 --all --json
	status_is 0
	jq_is '[.data.domains[0].verdicts[] | select(.entries > 0) | {(.verdict): .entries}] | add == {"ok": 19, "pending": 2}'
	emt show 5 --split --json
	jq_is '[.data.runs[].type] == ["WB", "UC!", "??", "WB?", "WB!"] + [range(16) | "UC"]'
	emt explain 5 0x200
	status_is 0
	has "$output" "query payload"
	lacks "$(cat calls.log)" debug_keys
	lacks "$(cat calls.log)" gethvmcontext
	grep -qx 'foreign 0' calls.log
	grep -qx 'buffers 0' calls.log
	# a capture taken so says the same
	emt capture take 5 -o taken.emt
	status_is 0
	emt show taken.emt --split --json
	jq_is '[.data.runs[].type] == ["WB", "UC!", "??", "WB?", "WB!"] + [range(16) | "UC"]'
	# dom0 cannot be asked, and is told of as before
	emt facts 0 --json
	status_is 0
	jq_is '[.data.facts[] | select(.origin == "query payload" or .fact == "pins")] == []'
}

@test "the numbers of the Xen that runs here" {
	emt query offsets --json
	status_is 0
	jq_is '.data.build.same_numbers and (.data.numbers[] | select(.struct == "domain" and .member == "arch.p2m") | .bytes == 1208)'
	printf '%s\n' "$output" >numbers.json
	emt query load --offsets numbers.json -y
	status_is 0
	FAKEXEN_BUILD=00112233445566778899aabbccddeeff00112233 emt query offsets
	status_is 2
	has "$stderr" "XEN-SYMS"
}

@test "audit --check asks Xen's own function, and says where emt differs from it" {
	export FAKEXEN_QUERY=applied
	emt audit 5 --check --json
	status_is 0
	jq_is '.data.checked == [{"domain": 5, "asked": 21, "agree": 19, "pending": 2, "emt_xen": 0, "entry_xen": 0, "unlisted": 0}]'
	jq_is '.data.differences == []'
	FAKEXEN_DIFFERS=0x300 emt audit 5 --check --json
	status_is 1
	has "$stderr" "emt or Xen is wrong"
	jq_is '.data.checked[0].emt_xen == 1'
	jq_is '.data.differences | length == 1 and .[0].gfn == 768 and .[0].xen == "WC!" and .[0].expected == ["WB!"] and
		.[0].differs == "xen"'
	# without the payload, and of a capture, nobody can be asked
	FAKEXEN_QUERY=absent emt audit 5,costs=yes --check
	status_is 2
	has "$stderr" "query load"
	emt audit "$GUEST" --check --json
	json_error_is unsupported
}

# The lab's scenarios, on a Xen of another build than the one whose offsets are known.
@test "the lab names an unknown build and skips what needs a known one" {
	command -v python3 >/dev/null || skip "no python3"
	echo 'int x;' >xen.c
	cc -shared -nostdlib -Wl,--build-id=0x00112233445566778899aabbccddeeff00112233 -o xen xen.c
	for words in "query vtd x" "churn x"; do
		LAB=$PWD PYTHONPATH=$ROOT/tests/lab/qemu PYTHONDONTWRITEBYTECODE=1 run -77 python3 - "$words" <<-'END'
			import importlib, sys
			import lab
			lab.need_base = lambda: None
			sys.argv = sys.argv[1].split()
			sys.exit(importlib.import_module(sys.argv[0]).main())
		END
		has "$output" 00112233445566778899aabbccddeeff00112233
		has "$output" skipped
	done
}
