#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# iommu commands: what queues in a machine's memory still hold.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	"$ROOT/tests/tools/iommu-image" machine.img
}

@test "both kinds of queues are found, each at its place, and nothing else is" {
	emt iommu commands mem:machine.img --json
	status_is 0
	jq_is '[.data.commands[] | [.queue, .iommu]] | unique == [["0x14000", "vt-d"], ["0x21000", "amd-vi"]]'
	jq_is '.source == "mem:machine.img" and .complete'
	# two pages are one queue: slots are counted through
	jq_is '[.data.commands[] | select(.iommu == "vt-d") | .index] == [range(284)]'
	jq_is '[.data.commands[] | select(.iommu == "amd-vi") | .index] == [range(12)]'
	jq_is '[.data.commands[] | .owner == "unknown" and .owner_domain == null and (.reserved | not)] | all'
	has "$stderr" "whose queues they are is not known: "
	has "$stderr" "holds no console text of a Xen"
}

@test "commands say what they invalidate, and their bits" {
	emt iommu commands mem:machine.img --json
	jq_is '.data.commands[0] | [.command, .scope, .domain, .device, .dfn, .frames, .leaf_only, .low, .high,
		.invalidates] == ["iotlb", "pages", 7, null, 262144, 1, true, "0x70032", "0x40000040",
		"iotlb domain 7, 0x1 frames from dfn 0x40000, leaves only"]'
	jq_is '.data.commands[1] | [.command, .scope, .domain, .invalidates] == ["wait", null, null, null]'
	jq_is '.data.commands[252] | [.command, .scope, .domain, .device] == ["context", "device", 5, "00:15.0"]'
	jq_is '.data.commands[254] | [.command, .scope, .domain, .dfn] == ["iotlb", "domain", 5, null]'
	jq_is '.data.commands[276] | [.command, .scope, .domain] == ["iotlb", "global", null]'
	jq_is '.data.commands[278] | [.domain, .dfn, .frames, .leaf_only] == [9, 512, 512, false]'
	jq_is '.data.commands[280] | [.command, .device, .dfn] == ["device-iotlb", "01:02.0", 5]'
	jq_is '.data.commands[282] | [.command, .scope] == ["interrupts", "global"]'
	jq_is '[.data.commands[] | select(.iommu == "amd-vi" and .command != "wait") | .invalidates] == [
		"iotlb domain 2, 0x1 frames from dfn 0x12345, leaves only",
		"iotlb domain 2, 0x200 frames from dfn 0x40000", "iotlb domain 3", "context device 00:03.0",
		"interrupts device 00:03.0", "all"]'
}

@test "text is a table; filter, columns, order and limit are those of any command" {
	emt iommu commands mem:machine.img --where 'command == "iotlb" && domain == 2'
	status_is 0
	has "${lines[0]}" "QUEUE"
	has "${lines[1]}" "0x12345"
	[ "${#lines[@]}" = 3 ]
	emt iommu commands mem:machine.img -o index,low --sort -index --limit 2
	[ "$(tr -s ' ' <<<"${lines[1]}" | sed 's/^ //')" = "283 0x100000025" ]
	[ "${#lines[@]}" = 3 ]
	emt iommu commands mem:machine.img --limit 3 --ndjson
	status_is 0
	[ "${#lines[@]}" = 5 ]
	emt iommu commands mem:machine.img --where 'dfn == 0x40003' --json
	jq_is '[.data.commands[].index] == [6]'
}

@test "replies have the shape that the table declares, in both forms" {
	"$EMTCTL" help --json 2>/dev/null >help.json
	"$EMTCTL" iommu commands mem:machine.img --json >reply.json 2>/dev/null
	"$EMTCTL" iommu commands mem:machine.img --ndjson >reply.ndjson 2>/dev/null
	python3 "$BATS_TEST_DIRNAME/reply-check.py" help.json reply.json reply.ndjson
	[ "$(wc -l <reply.ndjson)" = $((284 + 12 + 2)) ]
}

@test "a page that is damaged or too empty is no queue, and that is said" {
	# one slot that is no command
	printf '\377\377\377\377\377\377\377\377' | dd of=machine.img bs=1 seek=$((0x21010)) conv=notrunc status=none
	emt iommu commands mem:machine.img --json
	jq_is '[.data.commands[].iommu] | unique == ["vt-d"]'
	head -c 65536 /dev/zero >empty.img
	emt iommu commands mem:empty.img
	status_is 0
	[ -z "$output" ]
	has "$stderr" "no page of it looks like a command queue"
}

@test "what is no machine memory is refused with what to give instead" {
	for source in "$GUEST" "capture:$GUEST"; do
		emt iommu commands "$source" --json
		json_error_is unsupported
		has "$stderr" "is no machine memory"
		has "$stderr" "mem:FILE"
	done
	# table pages of a capture are no machine either
	emt iommu commands "mem:$RAW" --json
	json_error_is format
	emt iommu commands mem:nothing.img --json
	json_error_is no_source
	emt iommu commands
	status_is 2
}

@test "iommu watch: this kernel's unmaps, or why they cannot be watched" {
	emt iommu watch --timeout 500ms --json
	if [ "$status" = 2 ]; then # no driver here, or probes are refused
		jq_is '.error.code | IN("unsupported", "permission")'
		grep -qE 'IOMMU driver|fentry|kprobe|BTF|made without' <<<"$stderr"
	else
		jq_is '.data.watch.way | IN("fentry", "kprobe")'
		jq_is '.data.watch | .unmaps >= .flushed and .lost >= 0 and (.functions | length) > 0'
	fi
	emt iommu watch --by uprobe
	status_is 2
	emt iommu watch --window soon
	status_is 2
}
