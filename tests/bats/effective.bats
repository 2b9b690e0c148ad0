#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# effective, alias, bars and explain --va over a guest's own page tables.

load helper

FACTS=$ROOT/tests/data/guest/facts.json

# tables CHANGE: the guest of tests/tools/guest2emt with its facts changed by jq.
tables() {
	jq "$1" "$FACTS" >facts.json
	"$BUILD/tests/tools/guest2emt" facts.json guest.emt
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	tables .
}

@test "each slot of the PAT over a BAR: only WC gives other than UC" {
	emt effective guest.emt --gfn 0xf1000-0xf1007 --va 0x400000-0x407fff --json
	status_is 0
	jq_is '[.data.runs[].pat] == ["WB", "WC", "UC-", "UC", "WB", "WP", "UC-", "WT"]'
	jq_is '[.data.runs[].pat_slot] == [0, 1, 2, 3, 4, 5, 6, 7]'
	jq_is '[.data.runs[].effective] == [["UC"], ["WC"], ["UC"], ["UC"], ["UC"], ["UC"], ["UC"], ["UC"]]'
	jq_is '[.data.runs[].va] == ["0x400000", "0x401000", "0x402000", "0x403000", "0x404000", "0x405000", "0x406000", "0x407000"]'
	jq_is '.data.views[0].paging == "4level" and .data.views[0].cr3 == "0x10000"'
}

@test "RAM that the guest makes uncached is information; a warning when the EPT does" {
	emt effective guest.emt --where 'finding != "fine"' --json
	status_is 0
	jq_is '[.data.runs[] | [.gfn, .finding, .cause, .severity]] ==
		[[512, "ram-wc", "guest-pat", "info"], [5, "ram-uc", "guest-pat", "info"]]'
	jq_is '.data.views[0] | .ram_uncached_bytes == 2101248 and .ram_uncached_by_ept_bytes == 0'
	emt effective guest.emt --fail-on info
	status_is 1
	has "$output" "RAM that ends uncached"
}

@test "CR0.CD: with an IOMMU all is UC, without it nothing changes, else both are possible" {
	tables '.vcpu_cr0 = ["0xc0000011"]'
	emt effective guest.emt --gfn 0 --json
	jq_is '.data.runs[0] | .effective == ["UC"] and .finding == "ram-uc" and .cause == "cr0-cd"'
	has "$(emt effective guest.emt && echo "$output")" "caches off"
	tables '.vcpu_cr0 = ["0xc0000011"] | .domain_iommu = false'
	emt effective guest.emt --gfn 0 --json
	jq_is '.data.runs[0] | .effective == ["WB"] and .finding == "fine"'
	tables '.vcpu_cr0 = ["0xc0000011"] | del(.domain_iommu) | .iomem_caps = [] | del(.iommu_enabled)'
	emt effective guest.emt --gfn 0 --json
	jq_is '.data.runs[0].effective == ["UC", "WB"]'
}

@test "without the PAT all that is possible is listed; paging off is one to one" {
	tables 'del(.vcpu_pat)'
	emt effective guest.emt --gfn 0xf1001 --json
	jq_is '.data.runs[0] | .pat == null and .effective == ["UC", "WC"]'
	emt effective guest.emt --gfn 0xf1001 --cr3 0x10000 --pat 0x0106 --json
	jq_is '.data.runs[0] | .pat == "WC" and .effective == ["WC"] and .vcpus == "-"'
	tables '.vcpu_cr0 = ["0x11"]'
	emt effective guest.emt --json
	jq_is '[.data.runs[] | [.va, .pat, .effective[0]]] == [["0x0", "WB", "WB"], ["0xf1000000", "WB", "UC"]]'
	jq_is '.data.views[0] | .paging == "off" and .cr3 == null'
}

@test "alias: RAM under two types is a warning, a BAR under two uncached ones is not" {
	emt alias guest.emt --json
	status_is 1
	jq_is '[.data.aliases[] | [.mfn, .bytes, .memory, .types, .severity]] ==
		[[131077, 4096, "ram", ["UC", "WB"], "warning"], [58720257, 4096, "mmio", ["UC", "WC"], "info"]]'
	jq_is '.data.aliases[0].ways == [{"type": "UC", "va": "0x428000", "gfn": 5, "vcpus": "0"}, {"type": "WB", "va": "0x5000", "gfn": 5, "vcpus": "0"}]'
}

@test "bars: what the guest requests, and what it gets" {
	emt bars guest.emt --json
	status_is 0
	jq_is '.data.regions[0] | .requested == "UC, WC, WT, WP, WB, UC-" and .used == "UC, WC"'
	emt bars guest.emt
	has "$output" "the CPU uses UC, WC"
	# tables that do not map it
	emt bars guest.emt --cr3 0x13000 --json
	jq_is '.data.regions[0] | .requested == "none" and .used == null'
	# a capture without tables
	emt capture take guest.emt -o bare.emt
	emt bars bare.emt --json
	jq_is '.data.regions[0].requested == null'
	# Xen 4.15: above RAM nothing but UC
	emt bars guest.emt --release 4.15.0 --json
	jq_is '.data.regions[0].requested == "UC, WC, WT, WP, WB, UC-"'
}

@test "captures hold guest tables when asked, each once, and say the same then" {
	emt effective guest.emt --json
	jq .data <<<"$output" >before
	emt capture take guest.emt --guest-tables -o kept.emt --json
	status_is 0
	jq_is '.data.capture.guest_tables == 4'
	emt effective kept.emt --json
	diff before <(jq .data <<<"$output")
	emt capture verify kept.emt
	status_is 0
	emt capture take guest.emt -o bare.emt
	emt effective bare.emt --json
	status_is 2
	has "$stderr" "--guest-tables"
	tables 'del(.vcpu_cr3)'
	emt effective guest.emt
	status_is 2
	has "$stderr" "vcpu_cr3"
	emt capture take guest.emt --guest-tables -o none.emt
	status_is 2
	[ ! -e none.emt ]
	emt effective guest.emt --cr3 0x10000
	status_is 0
}

@test "a table that is not there makes the answer incomplete" {
	tables '.vcpu_cr3 = ["0x11000"] | .vcpu_cr0 = ["0x80000011"]'
	emt effective guest.emt --json
	status_is 3
	jq_is '.complete == false and .data.views[0].complete == false and .data.views[0].tables_unreadable > 0'
}

@test "explain --va walks the guest's tables first" {
	emt explain guest.emt --va 0x401234 --json
	status_is 0
	jq_is '.data.translations[0] | .va == "0x401000" and .gfn == 987137 and .pat == "WC" and .effective == ["WC"] and .bytes == 4096'
	jq_is '.data.explanations[0] | .gfn == 987137 and .mapped'
	# inside of a large page
	emt explain guest.emt --va 0x2ff010 --json
	jq_is '.data.translations[0] | .va == "0x2ff000" and .gfn == 767'
	jq_is '.data.explanations[0].gfn == 767'
	emt explain guest.emt --va 0x7000000
	status_is 2
	has "$stderr" "maps 0x7000000"
	emt explain guest.emt
	status_is 2
	has "$stderr" "GFN"
	emt explain guest.emt 5 --va 0x401000
	status_is 2
	emt explain guest.emt --va zz
	status_is 2
	has "$stderr" "is no address"
}

@test "vCPUs that translate differently have views of their own" {
	tables '.vcpu_cr0 = ["0x80000011", "0x80000011", "0x11"] | .vcpu_cr3 = ["0x10000", "0x10000", "0x0"] |
		.vcpu_cr4 = ["0x20", "0x20", "0x0"] | .vcpu_efer = ["0xd00", "0xd00", "0x0"] |
		.vcpu_pat = ["0x0407050600070106", "0x0407050600070106", "0x0007040600070406"]'
	emt effective guest.emt --json
	jq_is '[.data.views[].vcpus] == ["0-1", "2"]'
	emt effective guest.emt --va 0x401000 --json
	jq_is '[.data.runs[] | .vcpus] == ["0-1", "2"]'
	jq_is '[.data.runs[] | .effective] == [["WC"], ["WB"]]'
}

@test "nested tables of AMD: the entry's PAT type and the host's MTRRs" {
	tables '.paging = "npt" | .host_mtrr = {"def_type": 6, "e": true, "fe": false, "fixed": [0,0,0,0,0,0,0,0,0,0,0],
		"var": [["0x3800000000", "0xffffff000800"]]}'
	emt effective guest.emt --gfn 0xf1000-0xf1007 --va 0x400000-0x407fff --json
	status_is 0
	jq_is '[.data.runs[].effective] == [["UC"], ["WC"], ["UC"], ["UC"], ["UC"], ["UC"], ["UC"], ["UC"]]'
	jq_is '[.data.runs[] | .type, .host_mtrr, .verdict] | unique == [null, "UC", "UC-"]'
	# RAM that the guest asks for as UC, while the host's MTRRs say WB: uncached, but the caches are looked at
	emt effective guest.emt --where 'finding != "fine"' --json
	jq_is '[.data.runs[] | [.gfn, .type, .host_mtrr, .effective[0], .finding, .cause]] ==
		[[512, "WB", "WB", "WC+", "ram-wc", "guest-pat"], [5, "WB", "WB", "CD", "ram-uc", "guest-pat"]]'
	emt alias guest.emt --json
	status_is 0
	jq_is '[.data.aliases[] | [.memory, .types, .severity]] == [["ram", ["CD", "WB"], "notice"], ["mmio", ["UC", "WC"], "info"]]'
	emt explain guest.emt --va 0x401234 --json
	status_is 0
	jq_is '.data.translations[0] | .gfn == 987137 and .effective == ["WC"] and .type == "UC-"'
	jq_is '.data.explanations == []'
	emt capture take guest.emt --guest-tables -o kept.emt --json
	jq_is '.data.capture.guest_tables == 4'
	emt effective kept.emt --gfn 0xf1001 --json
	jq_is '.data.runs[0].effective == ["WC"]'
}

@test "nested tables: host MTRRs that make RAM uncached, and MTRRs that nobody told" {
	tables '.paging = "npt" | .host_mtrr = {"def_type": 0, "e": true, "fe": false, "fixed": [0,0,0,0,0,0,0,0,0,0,0], "var": []}'
	emt effective guest.emt --gfn 0x100 --json
	status_is 1
	jq_is '.data.runs[0] | .effective == ["UC"] and .finding == "ram-uc" and .cause == "host-mtrr" and .severity == "warning"'
	jq_is '.data.views[0] | .ram_uncached_bytes == 4096 and .ram_uncached_by_ept_bytes == 4096'
	tables '.paging = "npt" | .vcpu_cr0 = ["0xc0000011"] | .domain_iommu = false'
	emt effective guest.emt --gfn 0x100 --json
	jq_is '.data.runs[0] | .host_mtrr == "WB, assumed" and .effective == ["CD"] and .cause == "cr0-cd"'
}

@test "--pat says what another PAT would do" {
	tables 'del(.vcpu_pat)'
	emt effective guest.emt --gfn 0xf1001 --pat 0x0106 --json
	jq_is '.data.runs[0] | .pat == "WC" and .effective == ["WC"] and .vcpus == "0"'
	emt effective guest.emt --paging-mode pae
	status_is 2
	has "$stderr" "--cr3"
}

@test "CR0.CD is heeded of a domain with a device or a right only" {
	tables '.vcpu_cr0 = ["0xc0000011"] | .iomem_caps = [] | .pci_devices = 0'
	emt effective guest.emt --gfn 0 --json
	jq_is '.data.runs[0].effective == ["WB"]'
	tables '.vcpu_cr0 = ["0xc0000011"]'
	emt effective guest.emt --gfn 0 --release 4.4.4 --json
	jq_is '.data.runs[0].effective == ["UC", "WB"]'
}

@test "audit: what the CPU uses is among its findings, and a clean guest does not fail" {
	tables '.vcpu_mtrr = [{"def_type": 6, "e": true, "fe": false, "fixed": [0,0,0,0,0,0,0,0,0,0,0], "var": []}]
		| .host_mtrr = .vcpu_mtrr[0] | .caps_ever_held = true'
	emt audit guest.emt --all --json
	status_is 0
	jq_is '[.data.findings[] | select(.kind == "effective" or .kind == "alias") | [.kind, .reason, .severity, .first_gfn]] ==
		[["alias", "alias-asked", "notice", 5], ["effective", "ram-asked", "info", 512], ["alias", "alias-device", "info", 987137]]'
	emt audit guest.emt --fail-on notice --json
	status_is 1
	emt audit guest.emt --effective no --all --json
	jq_is '[.data.findings[].kind] | (index("effective") or index("alias")) | not'
	# the capture without tables: auto says nothing, yes says why not
	emt capture take guest.emt -o bare.emt
	emt audit bare.emt --all --json
	status_is 0
	jq_is '[.data.findings[].kind] | index("effective") | not'
	emt audit bare.emt --effective yes
	status_is 2
	has "$stderr" "--guest-tables"
	emt metrics guest.emt
	has "$output" 'kind="effective",severity="info"'
	emt report guest.emt --ticket
	has "$output" "by the guest's own page tables"
}

@test "audit: RAM that the EPT makes uncached is a warning beside the mismatch, caches off a notice" {
	jq '.vcpu_mtrr = [{"def_type": 6, "e": true, "fe": false, "fixed": [0,0,0,0,0,0,0,0,0,0,0], "var": []}]' "$FACTS" >facts.json
	"$BUILD/tests/tools/guest2emt" facts.json guest.emt UC
	emt audit guest.emt --json
	status_is 1
	jq_is '[.data.findings[] | select(.kind == "effective") | [.reason, .severity, .bytes]] == [["ram-forced", "warning", 4198400]]'
	jq_is '.data.findings[] | select(.kind == "effective") | .explanation | test("RAM ends UC or WC whatever the guest")'
	"$BUILD/tests/tools/guest2emt" facts.json guest.emt UC
	emt audit guest.emt --fail-on error --effective yes --json
	jq_is '[.data.findings[] | select(.kind == "effective")] | length == 1'
	tables '.vcpu_cr0 = ["0xc0000011"]'
	emt audit guest.emt --json
	jq_is '[.data.findings[] | select(.kind == "effective") | [.reason, .severity]] == [["caches-off", "notice"]]'
}

@test "audit: guest tables that cannot be read are a notice, not silence" {
	tables '.vcpu_cr3 = ["0x11000"]'
	emt audit guest.emt --json
	jq_is '[.data.findings[] | select(.reason == "tables-unread") | .severity] == ["notice"]'
}

@test "observe, which the watch runs, has them too, with and without a kept walk" {
	emt observe guest.emt --json
	jq_is '[.data.findings[] | select(.kind == "alias") | .reason] | sort == ["alias-asked", "alias-device"]'
	emt observe guest.emt --since kept.walks --json
	jq_is '[.data.findings[] | select(.kind == "alias") | .reason] | sort == ["alias-asked", "alias-device"]'
	emt observe guest.emt --effective no --json
	jq_is '[.data.findings[] | select(.kind == "alias")] == []'
}
