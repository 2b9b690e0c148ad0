#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Captures of KVM guests: audit, explain, whatif and upgrade-check between kernels.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$ROOT"/tests/data/kvm/framebuffer.json facts.json
	cp "$ROOT"/tests/data/kvm/framebuffer.txt runs.txt
	make_vm
}

# vm.emt from facts.json (changed by a jq expression) and runs.txt
make_vm() {
	jq "${1:-.}" facts.json >changed.json
	"$BUILD/tests/tools/kvm2emt" changed.json runs.txt vm.emt lab
}

@test "6.1: what was written before the device came is stale by design, all else is right" {
	emt audit vm.emt --json
	status_is 0
	jq_is '.data.domains[0] | .release == "kvm 6.1.0" and .paging == "ept"'
	jq_is '[.data.findings[] | select(.severity != "info")] | length == 1'
	jq_is '.data.findings[0] | .kind == "stale-by-design" and .reason == "noncoherent" and .defect == "KV1" and .entries == 256'
	emt audit vm.emt --fail-on notice
	status_is 1
	lacks "$output" "Xen"
}

@test "6.12 zaps then: the same entries are mismatches, and the frame buffer must be WB" {
	emt audit vm.emt --release 'kvm 6.12' --json
	status_is 1
	jq_is '[.data.findings[] | select(.kind == "mismatch")] | map(.entries) | add == 256 + 256 + 3'
	emt audit vm.emt --release 'kvm 6.12'
	has "$output" "kvm 6.12.0 would write WB"
	# what 6.12 writes is right there
	sed -i 's/ WC.*$/ WB/; s/ WB!.*$/ WB/' runs.txt
	make_vm '.release = "kvm 6.12.5"'
	emt audit vm.emt --json
	status_is 0
	jq_is '.data.findings == []'
}

@test "planted: a device page as WB, RAM as UC, a type that hardware refuses" {
	sed -i -e 's/^0xd0000 .*/0xd0000 0xf0000 16 0 rwx WB/' -e 's/^0x0 .*/0x0 0x100000 159 0 rwx UC/' \
		-e 's/^0xe0000 .*/0xe0000 0x310000 32 0 r-x ?2/' runs.txt
	make_vm
	emt audit vm.emt --json
	status_is 1
	jq_is '[.data.findings[] | select(.kind == "mismatch") | .entries] | sort == [16, 159]'
	jq_is '[.data.findings[] | select(.kind == "misconfigured")][0] | .entries == 32 and .reason == "emt-reserved"'
}

@test "emulated MMIO is no error, and explain says what it is" {
	emt explain vm.emt 0xfec00
	has "$output" "Emulated MMIO"
	emt show vm.emt --json --where 'gfn == 0xfec00'
	jq_is '.data.runs[0].verdict == "not-present"'
}

@test "explain names KVM's rule, its inputs and where they come from" {
	emt explain vm.emt 0xc0010
	status_is 0
	has "$output" "WC is what kvm 6.1.0 writes here"
	has "$output" "0xc0000000-0xc0ffffff WC"
	has "$output" "decides the guest's MTRR type"
	emt explain vm.emt 0xd0001 --json
	jq_is '.data.explanations[0].rules | map(select(.result == "decides"))[0].id == "mmio"'
}

@test "upgrade-check 6.1 to 6.12: the frame buffer loses what its WC MTRR gave" {
	emt upgrade-check 'kvm 6.1' 'kvm 6.12' vm.emt --json
	status_is 1
	jq_is '[.data.changes[] | select(.before == ["WC"] and .after == ["WB"]) | .entries] | add == 515'
	jq_is '.data.remarks[0].text | test("loses write-combining")'
	jq_is '.data.defects | map(select(.id == "KV1"))[0].change == "fixed"'
	emt upgrade-check 'kvm 6.12' 'kvm 6.16' vm.emt
	status_is 0
	emt upgrade-check 4.14.0 4.17.7 vm.emt
	[ "$status" -ge 2 ]
	has "$stderr" "KVM guest"
}

@test "the memslot variant: PAT is honoured in flagged memslots and nowhere else" {
	make_vm '.noncoherent_dma = false | .release = "kvm 6.12.0"'
	emt upgrade-check 'kvm 6.12' kvm-memslot vm.emt --json
	status_is 1
	# the memslot 0xc0000-0xc0fff has the flag: 512 pages and 3 superpages
	jq_is '.data.changes | map({b: .before, a: .after, n: .entries}) | unique_by(.b, .a) | length == 1'
	jq_is '[.data.changes[] | select(.before == ["WB!"] and .after == ["WB"]) | .entries] | add == 515'
	# registered DMA already does the same for all memory
	make_vm '.release = "kvm 6.12.0"'
	emt upgrade-check 'kvm 6.12' kvm-memslot vm.emt
	status_is 0
	# whatif gives the flag to another range
	make_vm '.noncoherent_dma = false | .release = "kvm 6.12.0"'
	emt whatif vm.emt --release kvm-memslot --slot-noncoherent 0xe0000-0xe000f --json
	status_is 1
	jq_is '[.data.changes[] | select(.after == ["WB"]) | .entries] | add == 515 + 16'
}

@test "whatif: a device comes, an MTRR changes, another kernel; Xen's words are refused" {
	make_vm '.noncoherent_dma = false'
	emt whatif vm.emt --noncoherent on --json
	status_is 1
	jq_is '[.data.changes[] | select(.after == ["WC"]) | .entries] | add == 515'
	make_vm
	# a range over half of the superpage at 0x200: it would be split
	emt whatif vm.emt --mtrr all:1=0x200-0x2ff:UC --json
	status_is 1
	jq_is '.data.changes | length == 1 and .[0].entries == 1 and (.[0].parts | sort) == ["UC", "WB"]'
	emt whatif vm.emt --release 6.12
	status_is 1
	has "$output" "kvm 6.1.0 to kvm 6.12.0"
	emt whatif vm.emt --pin 0x100-0x1ff=WC
	status_is 2
	has "$stderr" "says nothing about a KVM guest"
	emt whatif "$GUEST" --noncoherent on
	status_is 2
	has "$stderr" "says nothing about a Xen domain"
}

@test "AMD: entries are WB whatever MTRRs and devices there are, and the rule says so" {
	sed -i 's/ \(WC\|WT\|UC\|WB!\).*$/ WB/' runs.txt
	make_vm '.paging = "npt"'
	emt audit vm.emt --json
	status_is 0
	jq_is '.data.findings == [] and .data.domains[0].paging == "npt"'
	emt explain vm.emt 0xc0010
	has "$output" "the guest's PAT decides"
	emt upgrade-check 'kvm 6.1' 'kvm 6.12' vm.emt
	status_is 0
	make_vm '.paging = "shadow"'
	emt audit vm.emt
	status_is 2
	has "$stderr" "only EPT entries carry a memory type"
}

@test "without the facts: undetermined by name, never a mismatch" {
	make_vm 'del(.noncoherent_dma, .kvm_mmio, .vcpu_mtrr, .vcpu_cr0)'
	emt audit vm.emt --json
	[ "$status" -le 3 ]
	jq_is '[.data.findings[] | select(.kind == "mismatch")] | length == 0'
	jq_is '[.data.findings[] | select(.kind == "undetermined") | .facts[]] | index("noncoherent_dma") != null'
}

@test "memslots are a fact that survives a capture" {
	emt facts vm.emt --json
	jq_is '.data.facts | map(select(.fact == "memslots"))[0].ranges | map(.tag) == [0, 8, 2]'
	jq_is '.data.facts | map(select(.fact == "memslots"))[0].ranges[2].tag_name == "read-only"'
	jq_is '.data.facts | map(select(.fact == "slot_noncoherent"))[0] | .origin == "flags of the memslots"'
}

@test "crosscheck: entry, logged answer and rule, three ways" {
	cp "$ROOT/tests/data/kvm/calls.txt" calls.txt
	emt crosscheck vm.emt --calls calls.txt --json
	status_is 0
	jq_is '.data.crosscheck | .calls == 5 and .asked == 5 and .agree == 5 and .leaves == 790'
	# KVM answered WC for a page of RAM: entry and rule both differ from that
	echo '0x20 0 0x08' >>calls.txt
	emt crosscheck vm.emt --calls calls.txt --json
	status_is 1
	jq_is '.data.crosscheck | .asked == 6 and .agree == 5 and .entry_differs == 1 and .rule_differs == 1'
	jq_is '.data.differences == [{gfn: "0x20", order: 0, entry: "WB", kvm: "WC", mmio: false, rule: ["WB"]}]'
	# a later answer for the same page counts
	echo '0x20 0 0x30' >>calls.txt
	emt crosscheck vm.emt --calls calls.txt
	status_is 0
	# another kernel's rule is not what this one answered
	emt crosscheck vm.emt --calls calls.txt --release 'kvm 6.12' --json
	status_is 1
	jq_is '.data.crosscheck | .rule_differs == 2 and .entry_differs == 0'
}

@test "crosscheck: not a single call is a failure, as is a line that is none" {
	echo '# nothing' >calls.txt
	emt crosscheck vm.emt --calls calls.txt
	status_is 2
	has "$stderr" "not asked for a single type"
	printf '0x10 0 0x30\n0x11 2 0x30\n' >calls.txt
	emt crosscheck vm.emt --calls calls.txt
	status_is 2
	has "$stderr" "line 2 is no call"
	emt crosscheck "$GUEST" --calls "$ROOT/tests/data/kvm/calls.txt"
	status_is 2
	has "$stderr" "no guest of KVM"
	emt crosscheck vm.emt --calls "$ROOT/tests/data/kvm/calls.txt" --save again.txt
	status_is 0
	[ "$(wc -l <again.txt)" = 5 ]
}

# verdicts STEP [WORDS...]: of a real guest on Linux 6.1 after a step of the lab
verdicts() {
	local step=$1
	shift
	emt audit "$ROOT/tests/data/kvm/6.1/$step.emt" --all --json "$@"
	jq -c '.data.domains[0].verdicts | map({(.verdict): .entries}) | add' <<<"$output"
}

@test "a real guest of 6.1 on EPT: each step is what the kernel did" {
	[ "$(verdicts coherent)" = '{"not-present":9,"ok":2192}' ]
	[ "$(verdicts mtrr)" = '{"not-present":9,"ok":2192}' ]
	[ "$(verdicts registered)" = '{"not-present":9,"stale-by-design":2192}' ]
	[ "$(verdicts after)" = '{"not-present":9,"ok":4,"stale-by-design":2192}' ]
	[ "$(verdicts honoured)" = '{"not-present":9,"ok":2192}' ]
	[ "$(verdicts cd)" = '{"not-present":9,"stale-by-design":2192}' ]
	[ "$(verdicts unregistered)" = '{"not-present":9,"stale-by-design":2192}' ]
	emt audit "$ROOT/tests/data/kvm/6.1/cd.emt" --json
	jq_is '[.data.findings[].reason] | unique == ["cr0-cd"]'
	emt audit "$ROOT/tests/data/kvm/6.1/honoured.emt" --json
	jq_is '.data.domains[0].types | map({(.type): .bytes}) | add | .WT == 17 * 4096 and .WC == 64 * 4096'
	# a kernel that zaps would have left none of that
	verdicts registered --release 'kvm 6.12' >x
	grep -q '"mismatch":2192' x
}

@test "a real guest of 6.1: what 6.12 would take from it" {
	emt upgrade-check 'kvm 6.1' 'kvm 6.12' "$ROOT/tests/data/kvm/6.1/honoured.emt" --json
	status_is 1
	jq_is '[.data.changes[] | select(.before == ["WC"]) | .entries] | add == 64'
	jq_is '[.data.changes[] | select(.before == ["WT"]) | .entries] | add == 17'
	jq_is '.data.remarks[0].text | test("loses write-combining")'
}

@test "a real guest of 6.12 on EPT: non-coherent DMA zaps, PAT alone counts, devices are UC" {
	D=$ROOT/tests/data/kvm/6.12
	emt facts "$D/coherent.emt" --json
	# this kernel carries the rule of 6.16, and says so
	jq_is '.data.facts | map(select(.fact == "release"))[0].value | test("^kvm 6[.]16[.]0 .*6[.]12[.]117")'
	for step in coherent:2200 registered:0 after:10 honoured:2204 cd:6304 last:2200; do
		emt audit "$D/${step%:*}.emt" --json
		status_is 0
		jq_is ".data.findings == [] and ([.data.domains[0].verdicts[] | select(.verdict == \"ok\").entries] | add // 0) == ${step#*:}"
	done
	# guest MTRRs and CR0.CD are set there, and play no part
	emt show "$D/cd.emt" --json
	jq_is '[.data.runs[] | select(.perm != "-wx") | .type] | unique == ["UC", "WB"]'
	emt show "$D/cd.emt" --json --where 'type == "UC"'
	jq_is '[.data.runs[].count] | add == 8'
	# 6.1 would have written other types there
	emt audit "$D/cd.emt" --release 'kvm 6.1'
	status_is 1
}

@test "a real guest of 6.12: what its kernel answered, what stands there, what the rule says" {
	D=$ROOT/tests/data/kvm/6.12
	emt crosscheck "$D/cd.emt" --calls "$D/calls.txt" --json
	status_is 0
	jq_is '.data.crosscheck | .asked == 4100 and .agree == 4100 and .leaves == 6304'
	emt crosscheck "$D/cd.emt" --calls "$D/calls.txt" --release 'kvm 6.1' --json
	status_is 1
	jq_is '.data.crosscheck.rule_differs > 4000'
}

@test "a real guest of 6.1: WB, WT and WC stand there as its kernel answered" {
	D=$ROOT/tests/data/kvm/6.1
	# CR0.CD was set after that: the rule would answer otherwise now, the entries stay
	emt crosscheck "$D/answered.emt" --calls "$D/calls.txt" --json
	jq_is '.data.crosscheck | .asked == 6292 and .entry_differs == 0'
	# 17 WT, 64 WC, the rest WB: by the guest's MTRRs
	[ "$(grep -c ' 0x20$' "$D/calls.txt")" = 17 ]
	[ "$(grep -c ' 0x8$' "$D/calls.txt")" = 64 ]
	[ "$(grep -c ' 0x30$' "$D/calls.txt")" = 6211 ]
}
