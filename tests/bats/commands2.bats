#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# diff, whatif, upgrade-check, bars, doctor on real captures and on copied trees of hosts.

load helper

S=$CAPTURES/situations

@test "diff: the last I/O range was revoked between two walks" {
	emt diff "$S/B-mmio/D04-reevaluated.emt" "$S/B-mmio/D05-revoked-touched.emt"
	status_is 1
	has "$output" "verdict ok -> stale-by-design"
	has "$output" "changed iomem_caps"
	has "$output" "after:  []"
	emt diff "$S/B-mmio/D04-reevaluated.emt" "$S/B-mmio/D05-revoked-touched.emt" --json
	status_is 1
	jq_is '.data.domains[0].changed_bytes == 33554432 and .data.domains[0].judged'
	jq_is '[.data.changes[].pages] | add == 8192'
	jq_is '.data.findings | map(select(.change == "new"))[0].kind == "stale-by-design"'
	jq_is '.data.findings | map(select(.change == "kept"))[0].kind == "pending"'
	emt diff "$S/B-mmio/D05-revoked-touched.emt" "$S/B-mmio/D04-reevaluated.emt" --json
	jq_is '.data.findings | map(select(.change == "cleared"))[0].kind == "stale-by-design"'
}

@test "diff: a capture with itself" {
	emt diff "$GUEST" "$GUEST" --json
	status_is 0
	jq_is '.data.changes == [] and .data.facts == [] and .data.domains[0].changed_bytes == 0'
	jq_is '.data.domains[0].same_bytes == .data.domains[0].bytes_after'
}

@test "diff: pages that came and went" {
	emt diff "$S/A-special/D03-iomem-touched.emt" "$S/A-special/D04-iomem-new-special.emt" --json
	status_is 1
	jq_is '[.data.changes[] | select(.changes == ["added"]) | .pages] | add == 3'
	jq_is '[.data.changes[] | select(.changes == ["removed"]) | .first_gfn] == [983040]'
	jq_is '.data.changes | map(select(.changes == ["type", "verdict"])) | map(.pages) | add == 18'
}

@test "diff: superpages that were split" {
	emt diff "$S/C-superpages/D03-pins-pending.emt" "$S/C-superpages/D04-pins-touched.emt"
	status_is 1
	has "$output" "pages of 2 MiB -> 4 KiB"
}

@test "diff: one capture needs two walks of a domain" {
	emt diff "$GUEST"
	status_is 2
	has "$stderr" "no two walks of one domain"
}

@test "whatif: a pin splits the superpage that it covers in part" {
	emt whatif "$GUEST" --pin 0x100-0x3ff=WC
	status_is 1
	has "$output" "WB -> SPLIT: 1 entry at 0x0-0x1ff"
	has "$output" "its parts become WC! and WB and WB!"
	has "$output" "WB -> WC!: 512 entries at 0x200-0x3ff"
	emt whatif "$GUEST" --pin 0x100-0x3ff=WC --json
	jq_is '.data.domains[0].split_entries == 1 and .data.domains[0].changed_entries == 513'
	jq_is '.data.changes[] | select(.splits) | .rule_after == "pin-part"'
}

@test "whatif: the same facts change nothing" {
	emt whatif "$GUEST" --iommu off --caps on
	status_is 0
	has "$output" "0 of 554 entries change"
}

@test "whatif: no I/O rights make everything WB!" {
	emt whatif "$GUEST" --caps off --json
	status_is 1
	jq_is '[.data.changes[].after[]] | unique == ["WB!"]'
}

@test "whatif: read-only frames, special frames, guest MTRRs" {
	emt whatif "$S/B-mmio/D04-reevaluated.emt" --mmio-ro 0xe0000-0xe0003 --json
	status_is 1
	jq_is '.data.changes | length == 1 and .[0].after == ["UC!"] and .[0].ranges[0].first_gfn == 995328'
	emt whatif "$S/B-mmio/D04-reevaluated.emt" --mtrr all:def=UC --json
	status_is 1
	jq_is '.data.changes[0].before == ["WB"] and .data.changes[0].after == ["UC"]'
	mfn=$("$EMTCTL" show "$S/B-mmio/D04-reevaluated.emt" --json | jq '[.data.runs[] | select(.order == 0 and .gfn < 4096 and .type == "WB")][0].mfn')
	emt whatif "$S/B-mmio/D04-reevaluated.emt" --special "$mfn" --json
	status_is 1
	jq_is '.data.changes | length == 1 and .[0].entries == 1 and .[0].after == ["WB!"]'
}

@test "whatif: what cannot be is refused" {
	emt whatif "$GUEST"
	status_is 2
	has "$stderr" "nothing is said to be different"
	emt whatif "$GUEST" --pin 0x100-0x3ff
	status_is 2
	has "$stderr" "RANGE=TYPE"
	emt whatif "$GUEST" --pin 0x100-0x3ff=WC --pin 0x200-0x4ff=UC
	status_is 2
	has "$stderr" "overlaps the pin"
	emt whatif "$GUEST" --unpin 0x100
	status_is 2
	emt whatif "$GUEST" --mtrr 0:1=0x1000-0x1234:UC
	status_is 2
	emt whatif "$GUEST" --mtrr 77:1=off
	status_is 2
	has "$stderr" "no vCPU 77"
}

@test "upgrade-check: special pages get cached again" {
	emt upgrade-check 4.14.0 4.17.7 "$GUEST"
	status_is 1
	has "$output" "UC -> WB!: 7 entries at 0xf0010-0xf0013 and 2 more ranges"
	has "$output" "commit 60d1adfa18"
	has "$output" "fixes KD8"
	emt upgrade-check 4.17.7 4.14.0 "$GUEST"
	status_is 1
	has "$output" "brings KD8"
	emt upgrade-check 4.17.5 4.17.7 "$GUEST"
	status_is 0
	has "$output" "0 of 554 entries change"
}

@test "upgrade-check agrees with the audit under either release" {
	emt upgrade-check 4.14.0 4.17.7 "$GUEST" --json
	changed=$(jq_of '.data.domains[0].changed_entries')
	emt audit "$GUEST" --release 4.14.0 --json
	jq_is ".data.domains[0].verdicts | map(select(.verdict == \"mismatch\"))[0].entries == $changed"
}

@test "upgrade-check: MMIO above RAM loses write-combining, and gets it back" {
	emt upgrade-check 4.14.0 4.15.0 "$S/B-mmio/D04-reevaluated.emt"
	status_is 1
	has "$output" "UC -> UC!"
	has "$output" "brings KD7: write-combining lost on MMIO above RAM"
	emt upgrade-check 4.15.0 4.19.0 "$S/B-mmio/D04-reevaluated.emt"
	has "$output" "fixes KD7"
}

@test "upgrade-check without a source: rules, defects, and kernels of KVM" {
	emt upgrade-check 4.14.0 4.15.0 --json
	status_is 0
	jq_is '(.data.rules | length) > 0 and .data.changes == []'
	jq_is '.data.defects | map(select(.id == "KD7"))[0].change == "introduced"'
	emt upgrade-check 'kvm 6.6' 'kvm 6.12'
	status_is 0
	has "$output" "loses write-combining"
	emt upgrade-check 'kvm 6.12' 'kvm 6.6' --json
	jq_is '.data.remarks[0].text | test("gains write-combining")'
	emt upgrade-check 4.14.0 'kvm 6.12'
	status_is 2
	has "$stderr" "different hypervisors"
}

@test "bars: the rule of 4.15.0 takes write-combining away, by name" {
	emt bars "$S/B-mmio/D04-reevaluated.emt" --json
	status_is 0
	jq_is '.data.regions | map(select(.gfn == 987136))[0] | .wc == "yes" and .type == "UC" and .name == "passthrough-above-ram"'
	jq_is '.data.regions | map(select(.name == "hpet"))[0].wc == "no"'
	jq_is '.data.regions[0].effective | map(select(.pat == "WC"))[0].type == "WC"'
	emt bars "$S/B-mmio/D04-reevaluated.emt" --release 4.15.0
	status_is 1
	has "$output" "known defect KD7"
	has "$output" "write-combining lost on MMIO"
	has "$output" "not to be had in"
	emt bars "$S/B-mmio/D04-reevaluated.emt" --release 4.15.0 --json
	jq_is '.data.domains[0].blocked >= 3 and .data.domains[0].blocked_by_defect >= 3'
	jq_is '.data.regions | map(select(.gfn == 987136))[0] | .wc_by_rule == "no" and (.defects | index("KD7"))'
}

# ---- doctor, on copied trees ----

put() {
	mkdir -p "$BATS_TEST_TMPDIR/host/$(dirname "$1")"
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/host/$1"
}

way() { # SOURCE WORD-OF-WAY JQ
	jq_is "[.data.ways[] | select(.source == \"$1\" and (.way | test(\"$2\")))][0] | $3"
}

@test "doctor: dom0 of Xen with a small console ring and a serial line" {
	put sys/hypervisor/type xen
	put proc/xen/capabilities control_d
	put sys/hypervisor/version/major 4
	put sys/hypervisor/version/minor 17
	put sys/hypervisor/version/extra .7
	put sys/hypervisor/properties/command_line "placeholder dom0_mem=2G console=com1,vga com1=115200"
	put dev/xen/privcmd ""
	put usr/lib/x86_64-linux-gnu/libxenctrl.so.4.17 ""
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	status_is 0
	jq_is '.data.host.xen and .data.host.dom0 and .data.host.xen_version == "4.17.7"'
	jq_is '.data.host.console_ring_bytes == 16384'
	way xen "key D" '.works == "partly" and (.why | test("about 256 entries")) and (.next | test("console=vga"))'
	put sys/hypervisor/properties/command_line "conring_size=64M console=vga"
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	jq_is '.data.host.console_ring_bytes == 67108864'
	way xen "key D" '.works != "no" and .next != "boot Xen with conring_size=64M"'
	way xen "query payload" '.works == "no"'
	put sys/hypervisor/properties/buildid 151b373fd64b321593bf987fd923cd10dabadac4
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way xen "query payload" '.works != "yes" and .next != null'
	rm "$BATS_TEST_TMPDIR/host/dev/xen/privcmd"
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way xen calls '.works == "no" and .next == "modprobe xen-privcmd"'
	put proc/xen/capabilities ""
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way xen calls '.why | test("guest of Xen")'
	# a domain with a p2m of its own, and one that Xen translates for
	way p2m BPF '.works == "no" and (.why | test("no PV domain"))'
	put sys/hypervisor/guest_type PV
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way p2m BPF '.works == "yes" and (.why | test("^PV, Linux"))'
}

@test "doctor: KVM on Intel, with and without what it needs" {
	put dev/kvm ""
	put sys/module/kvm_intel/parameters/ept Y
	put sys/kernel/btf/vmlinux ""
	put proc/sys/kernel/osrelease 6.1.0-40-amd64
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	status_is 0
	jq_is '.data.host.kvm and .data.host.ept and .data.host.btf and .data.host.kernel == "6.1.0-40-amd64"'
	way kvm EPT '.why | test("EPT")'
	rm "$BATS_TEST_TMPDIR/host/sys/kernel/btf/vmlinux"
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way kvm EPT '.works == "no" and (.next | test("CONFIG_DEBUG_INFO_BTF"))'
	put sys/module/kvm_intel/parameters/ept N
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way kvm EPT '.works == "no" and (.next | test("ept=1"))'
}

@test "doctor: KVM on AMD, and a laptop with nothing" {
	put sys/module/kvm_amd/parameters/npt 1
	put dev/kvm ""
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way kvm EPT '.works == "no" and (.next | test("CONFIG_DEBUG_INFO_BTF"))'
	put sys/kernel/btf/vmlinux ""
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way kvm EPT '(.why | test("NPT")) and .works != "unknown"'
	put sys/module/kvm_amd/parameters/npt 0
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host" --json
	way kvm EPT '.works == "no" and (.next | test("npt=1"))'
	rm -r "$BATS_TEST_TMPDIR/host/dev" "$BATS_TEST_TMPDIR/host/sys"
	put proc/cpuinfo "flags		: fpu vme vmx ssse3"
	emt doctor --sysroot "$BATS_TEST_TMPDIR/host"
	status_is 0
	has "$output" "yes     capture"
	has "$output" "modprobe kvm_intel"
	has "$output" "no hypervisor that emt reads"
	emt doctor --sysroot /nonexistent
	status_is 2
	emt doctor
	status_is 0
}
