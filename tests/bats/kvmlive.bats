#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2317
# Live guests of KVM on this machine, if it has KVM: with or without EPT. What a walk of
# real EPT says is in tests/lab (kvm scenarios).

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	[ ! -e /dev/xen/privcmd ] || skip "Xen runs here"
}

teardown() {
	[ -z "${GUEST_PID:-}" ] || kill "$GUEST_PID" 2>/dev/null || true
}

# Start a guest that has run; it ends with the test.
guest() {
	"$EMTCTL" version --json | jq -se '.[0].data.version.features[] | select(.name == "kvm").present' >/dev/null ||
		skip "built without BPF"
	if [ "$(id -u)" != 0 ] || [ ! -w /dev/kvm ]; then
		skip "needs root and /dev/kvm"
	fi
	mkfifo in
	"$BUILD/tests/tools/kvmguest" <in >out 2>/dev/null &
	GUEST_PID=$!
	exec 7>in
	for command in 'touch 0x10000000 3' 'msr 0x200 0xc0000001' 'msr 0x201 0xffff00800' 'msr 0x2ff 0x806' 'cd 1'; do
		echo "$command" >&7
	done
	for _ in $(seq 50); do
		[ "$(grep -c OK out)" = 5 ] && break
		sleep 0.1
	done
	[ "$(grep -c OK out)" = 5 ] || skip "KVM does not run a guest here: $(tail -n 1 out)"
	"$EMTCTL" domains >/dev/null || skip "BPF is not allowed here"
}

@test "domains lists a virtual machine, its memory and what can be read" {
	guest
	emt domains --json
	status_is 0
	jq_is ".data.virtual_machines | map(select(.pid == $GUEST_PID))[0] | .command == \"kvmguest\" and .vcpus == 1"
	jq_is ".data.virtual_machines | map(select(.pid == $GUEST_PID))[0] | .bytes == $((0x80000 + 0x10000 + 0x800000 + 0x2000000 + 0x100000))"
	printf '%s\n' "$output" >0.json
	"$ROOT/tests/schema/check" "$EMTCTL" 0.json
}

@test "facts of a running guest: what the test set is what is read" {
	guest
	emt facts "kvm:$GUEST_PID" --json
	status_is 0
	jq_is '.data.facts | map(select(.fact == "vcpu_cr0"))[0].value == "0x40000011"'
	jq_is '.data.facts | map(select(.fact == "vcpu_mtrr"))[0].registers | map(select(.name == "MTRRphysMask0"))[0].value == "0xffff00800"'
	jq_is '.data.facts | map(select(.fact == "memslots"))[0] | .held == "known" and (.ranges | length) == 5'
	jq_is '.data.facts | map(select(.fact == "memslots"))[0].ranges | map(select(.first == 256))[0].tag_name == "read-only"'
	jq_is '.data.facts | map(select(.fact == "noncoherent_dma"))[0] | .value == "no" and .held == "known"'
	jq_is '.data.facts | map(select(.fact == "release"))[0].value | startswith("kvm ")'
	emt facts kvm:kvmguest
	status_is 0
}

@test "without EPT it says plainly that there is none to walk; with it, it is audited" {
	guest
	emt audit "kvm:$GUEST_PID"
	if [ "$(cat /sys/module/kvm_intel/parameters/ept 2>/dev/null)" = Y ]; then
		[ "$status" -le 1 ]
		has "$output" "EPT"
	else
		status_is 2
		emt capture take "kvm:$GUEST_PID" -o x.emt
		status_is 2
		has "$stderr" "there is no EPT to walk"
	fi
}

@test "a process without a VM, and a VM that ended" {
	guest
	emt facts "kvm:$$"
	status_is 2
	has "$stderr" "no process of this number holds a virtual machine"
	has "$stderr" "emtctl domains"
	kill "$GUEST_PID"
	wait "$GUEST_PID" || true
	emt facts "kvm:$GUEST_PID"
	status_is 2
}

@test "without rights: what is missing is said" {
	guest
	command -v setpriv >/dev/null || skip "no setpriv"
	run --separate-stderr setpriv --reuid=65534 --clear-groups --bounding-set=-all "$EMTCTL" facts "kvm:$GUEST_PID"
	[ "$status" = 2 ]
	has "$stderr" "CAP_BPF"
}

@test "facts need CAP_BPF and CAP_PERFMON, no more" {
	guest
	command -v setpriv >/dev/null || skip "no setpriv"
	cp "$EMTCTL" emtctl
	chmod 755 . .. emtctl
	caps=+bpf,+perfmon
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
		./emtctl facts "kvm:$GUEST_PID" --json
	[[ $stderr != *"Permission denied"* ]] || skip "another user does not reach this folder"
	status_is 0
	jq_is '.data.facts | map(select(.fact == "memslots"))[0].held == "known"'
	# what lies in RAM is not known then, and so nothing would be read raw
	jq_is '.data.facts | map(select(.fact == "host_e820"))[0].held == "unknown"'
}

# events in the background until they watch; skips where the kernel allows nothing
watch() {
	"$EMTCTL" events --follow --on kvm --ndjson >out.ndjson 2>err.txt &
	watcher=$!
	for _ in $(seq 100); do
		grep -q 'watching KVM' err.txt && return 0
		if ! kill -0 "$watcher" 2>/dev/null; then
			grep -q 'no way to observe' err.txt && skip "$(head -n 1 err.txt)"
			break
		fi
		sleep 0.1
	done
	cat err.txt >&2
	return 1
}

@test "events: a memslot that is added and deleted, whose and by whom; what is not seen is said" {
	guest
	watch
	echo 'slot add' >&7
	echo 'slot delete' >&7
	for _ in $(seq 50); do
		[ "$(grep -c memslot out.ndjson)" -ge 2 ] && break
		sleep 0.1
	done
	kill -INT "$watcher"
	wait "$watcher"
	jq -se "[.[] | select(.record == \"kvm_event\" and (.event | startswith(\"memslot\"))) | [.event, .vm, .pid, .command]] ==
		[[\"memslot-add\", $GUEST_PID, $GUEST_PID, \"kvmguest\"], [\"memslot-delete\", $GUEST_PID, $GUEST_PID, \"kvmguest\"]]" out.ndjson
	jq -se '[.[] | select(.record == "kvm_event")][0] | .gfn == 327680 and .last_gfn == 327935 and .count == 256' out.ndjson
	jq -se '[.[] | select(.record == "kvm_watching" and .to)][0] | .lost == 0 and .changes >= 2' out.ndjson
	if [ "$(cat /sys/module/kvm_intel/parameters/ept 2>/dev/null)" != Y ]; then
		grep -q 'entries: KVM uses shadow page tables here' err.txt
	fi
	"$ROOT/tests/schema/check" "$EMTCTL" out.ndjson
	# what was written is a journal
	emt events --journal out.ndjson --domain "$GUEST_PID" --json
	status_is 0
	jq_is '.data.kvm_events | length >= 2'
	jq_is '.data.kvm_watches | length == 1'
	emt events --journal out.ndjson --domain 1
	lacks "$output" "memslot"
	emt events --journal out.ndjson
	has "$output" "adds the memslot 0x50000-0x500ff"
}

@test "a build without BPF says which tool was missing" {
	make -C "$ROOT" BPF=no -n BUILD="$PWD/x" "$PWD/x/lib/source/kvm_bpf.o" >steps
	grep -qF -- "-DEMT_NO_BPF='\"BPF programs\"'" steps
	run ! grep -q EMT_HAVE_BPF steps
}

@test "2 million leaves in pages of our own are read through BPF, found by their frames" {
	run --separate-stderr timeout 60 "$BUILD/tests/bench/bench" kvm
	[ "$status" = 0 ]
	case $stderr in
	*"no figures here"*) skip "$stderr" ;;
	esac
	# the program itself fails unless every leaf was read, and found right
	has "$output" "bench: kvm-walk-leaves"
	has "$output" "bench: kvm-audit-leaves"
}
