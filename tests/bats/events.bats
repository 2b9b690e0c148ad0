#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# events: a toolstack watched through uprobes on a C library of our own, and journals.

load helper

LIBRARY=$BUILD/tests/tools/libfakeprivcmd.so
TOOLSTACK=$BUILD/tests/tools/toolstack

# Watch while the toolstack does something: watch SECONDS-AS-TIMEOUT WORDS-OF-TOOLSTACK...
# FOLLOW: more words for events. Skips where the kernel or the user allows no uprobes.
watch() {
	local limit=$1 n=0
	shift
	# shellcheck disable=SC2086
	"$EMTCTL" events --follow --library "$LIBRARY" ${FOLLOW:-} --ndjson --timeout "$limit" >out.ndjson 2>err.txt &
	pid=$!
	until grep -q '^emtctl: watching by uprobe' err.txt; do
		if ! kill -0 "$pid" 2>/dev/null; then
			grep -qE 'no way to observe|was made without' err.txt && skip "$(head -n 1 err.txt)"
			cat err.txt >&2
			return 1
		fi
		n=$((n + 1))
		[ "$n" -lt 200 ]
		sleep 0.05
	done
	[ "${2:-}" != stopped ] || kill -STOP "$pid"
	"$TOOLSTACK" "$1" ${2:+$([ "$2" = killed ] || echo "${3:-$2}")} >calls.txt
	[ "${2:-}" != stopped ] || kill -CONT "$pid"
	if [ "${2:-}" = killed ]; then
		sleep 1
		kill -KILL "$pid"
		wait "$pid" || true
		return 0
	fi
	wait "$pid"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	: >err.txt
}

teardown() {
	[ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || true
}

@test "a watch as one document: what began, and what was seen until it ended" {
	emt events --follow --library "$LIBRARY" --timeout 500ms --json
	[ "$status" != 2 ] || ! grep -qE 'no way to observe|was made without' <<<"$stderr" || skip "$stderr"
	status_is 0
	jq_is '.data.begun | length == 1 and .[0].way == "uprobe" and (.[0].time | length) > 0'
	jq_is '.data.watches | length == 1 and .[0].lost == 0 and .[0].to != null'
	jq_is '.data.events == []'
}

@test "every call that a toolstack makes is seen, with what it was about; failures are not" {
	export FAKEPRIVCMD_FAIL=9
	watch 4s all
	jq -c 'select(.record == "toolstack_event") | [.event, .domain, .text]' out.ndjson >events
	cat >want <<-'END'
		["create",42,"creates the domain"]
		["iomem-permission",5,"gives I/O memory 0xfea00-0xfea0f"]
		["ioport-permission",5,"gives I/O ports 0x3f8-0x3ff"]
		["memory-mapping",5,"maps device memory 0xfea00-0xfea0f at 0xe0000-0xe000f"]
		["assign-device",5,"assigns device 0000:00:04.0"]
		["assign-device",5,"assigns device 0000:00:04.1"]
		["deassign-device",5,"takes device 0000:00:04.2"]
		["pin",5,"pins 0x100-0x1ff as WC"]
		["pin",5,"pins 0xf0000-0xf07ff as WC"]
		["unpin",5,"unpins 0xf0000-0xf07ff"]
		["set-mem-type",5,"sets memory type 1 of 0x20-0x23"]
		["decrease-reservation",5,"decrease-reservation: 2 pages from 0x1234 on"]
		["populate-physmap",5,"populate-physmap: 2 pages from 0x1234 on"]
		["decrease-reservation",5,"decrease-reservation: 1 pages from 0x1234 on"]
		["host-mtrr-add",null,"adds a host MTRR: 0xe0000-0xe00ff as WC"]
		["destroy",5,"destroys the domain"]
	END
	diff want events
	jq -se '.[] | select(.record == "watching") | .events == 16 and .calls == 17 and .failed == 1 and .lost == 0' out.ndjson
	jq -se '[.[] | select(.record == "toolstack_event") | .command] | unique == ["toolstack"]' out.ndjson
	jq -se '[.[] | select(.record == "toolstack_event") | .pid] | unique | length == 1 and .[0] > 1' out.ndjson
	"$ROOT/tests/schema/check" "$EMTCTL" out.ndjson
}

@test "the other operations, and the forms that older releases have" {
	watch 4s rest || [ $? = 3 ]
	jq -c 'select(.record == "toolstack_event") | [.event, .domain, .text]' out.ndjson >events
	cat >want <<-'END'
		["set-mem-type",5,"sets memory type 1 of 0x20-0x23"]
		["ioreq-mem-type",5,"ioreq-mem-type"]
		["relocate-memory",5,"moves 0x100-0x101 to 0x200-0x201"]
		["add-to-physmap",5,"add-to-physmap: 1 pages from 0xabc on"]
		["add-to-physmap-batch",5,"add-to-physmap-batch: 2 pages from 0x1234 on"]
		["remove-from-physmap",5,"remove-from-physmap: 1 pages from 0xdef on"]
		["exchange",5,"exchange: 2 pages from 0x1234 on"]
		["pod-target",5,"pod-target: 16384 pages"]
		["mem-access",5,"mem-access: 3 pages from 0x10 on"]
		["pci-add",null,"names device 0001:03:04.1 to Xen"]
		["prepare-msix",null,"prepare-msix of device 0001:03:04.1"]
		["release-msix",null,"release-msix of device 0001:03:04.1"]
		["pci-remove",null,"takes device 0001:03:04.1 from Xen"]
		["host-mtrr-delete",null,"host-mtrr-delete"]
		["log-dirty",6,"log-dirty mode: operation 32"]
	END
	diff want events
	# a multicall of several is not taken apart: counted, and the watch is not complete
	jq -se '.[] | select(.record == "watching") | .events == 15 and .calls == 16 and .unreadable == 1 and (.lost_on | length) == 1' out.ndjson
	jq -se '.[] | select(.record == "end") | .complete | not' out.ndjson
}

@test "one domain's calls, and the host's: others are left out in the kernel" {
	FOLLOW="--domain 6" watch 4s rest || [ $? = 3 ]
	jq -c 'select(.record == "toolstack_event") | [.event, .domain]' out.ndjson >events
	cat >want <<-'END'
		["pci-add",null]
		["prepare-msix",null]
		["release-msix",null]
		["pci-remove",null]
		["host-mtrr-delete",null]
		["log-dirty",6]
	END
	diff want events
	jq -se '.[] | select(.record == "watching") | .events == 6 and .calls == 16' out.ndjson
}

@test "calls that were lost are counted, on each CPU" {
	watch 6s pins stopped 100000 || [ $? = 3 ]
	jq -se '.[] | select(.record == "watching") | .calls == 100000 and .lost > 0 and .events + .lost == 100000' out.ndjson
	# the CPUs' shares are the whole
	jq -se '.[] | select(.record == "watching") | .lost == ([.lost_on[] | capture(": (?<n>[0-9]+)$").n | tonumber] | add)' out.ndjson
	"$ROOT/tests/schema/check" "$EMTCTL" out.ndjson
	emt events --journal out.ndjson
	status_is 3
	has "$output" "LOST (cpu "
}

@test "a kernel that refuses better ways: the next is taken, and that is said; what it refuses is no event" {
	unshare -m true 2>/dev/null || skip "no mounts of our own here"
	# a /dev of our own, in which there is a privcmd; the C library's ioctl, which refuses every call
	cat >inside <<-'END'
		set -e
		mkdir d d/xen
		for n in null zero urandom tty; do
			[ -e /dev/$n ] || continue
			: >d/$n
			mount --bind /dev/$n d/$n
		done
		: >d/xen/privcmd
		mount --rbind d /dev
		"$1" events --follow --ndjson --timeout 5s >out.ndjson 2>err.txt &
		pid=$!
		n=0
		until grep -q 'watching by' err.txt; do
			kill -0 "$pid" 2>/dev/null || exit 0
			n=$((n + 1))
			[ "$n" -lt 200 ]
			sleep 0.05
		done
		LD_PRELOAD=$3 "$2" all >calls.txt || true
		wait "$pid"
	END
	libc=$(ldd "$TOOLSTACK" | awk '/libc.so/ { print $3 }')
	unshare -m bash inside "$EMTCTL" "$TOOLSTACK" "$libc"
	grep -qE 'no way to observe|was made without' err.txt && skip "$(head -n 1 err.txt)"
	way=$(jq -r 'select(.record == "watching") | .way' out.ndjson)
	[ "$way" != fentry ] || skip "this kernel refuses nothing"
	grep -q "watching by $way; fentry: " err.txt
	jq -se '.[] | select(.record == "watching") | .fallback | test("^fentry: ")' out.ndjson
	[ "$way" = uprobe ] || skip "calls that never reach the kernel's privcmd are seen by uprobes only"
	jq -se '.[] | select(.record == "watching") | .calls == 17 and .failed == 17 and .events == 0' out.ndjson
}

@test "the journal over a restart of its writer: the gap is marked, and what was before is assumed only" {
	fake_xen
	export EMTCTL_JOURNAL=$PWD/journal.ndjson
	service() { # as emt-events.service does it
		rm -f err.txt
		printf '\n{"record":"gap"}\n' >>journal.ndjson
		flock --no-fork -n journal.ndjson.lock "$EMTCTL" events --follow --library "$LIBRARY" --ndjson \
			>>journal.ndjson 2>err.txt 3>&- &
		pid=$!
		until grep -qs '^emtctl: watching by uprobe' err.txt; do
			kill -0 "$pid" 2>/dev/null || { grep -qE 'no way to observe|was made without' err.txt && skip "no uprobes"; return 1; }
			sleep 0.05
		done
	}
	ends() {
		kill -"$1" "$pid"
		wait "$pid" || true
	}
	calls_are() { # until the journal has as many pins
		until [ "$(grep -c '"event":"pin"' journal.ndjson)" = "$1" ]; do sleep 0.05; done
	}
	pins() { emt facts 5 --all --json && jq -c '.data.facts[] | select(.fact == "pins")' <<<"$output"; }
	service
	"$TOOLSTACK" pins 3 >calls.txt
	calls_are 3
	pins >first
	jq -e '.held == "assumed" and .rest == "assumed" and ([.ranges[].held] | unique) == ["known"] and (.ranges | length) == 3' first
	ends KILL
	# nobody watches: nothing is complete but from now on
	pins >none
	jq -e '.since == .time and ([.ranges[].held] | unique) == ["assumed"]' none
	sleep 1.1
	"$TOOLSTACK" pins 5 >calls.txt # nobody sees these
	service
	pins >second
	jq -e '([.ranges[].held] | unique) == ["assumed"] and (.ranges | length) == 3' second
	[ "$(jq .since second)" \> "$(jq .since first)" ]
	"$TOOLSTACK" pins 1 >calls.txt # set anew in sight
	calls_are 4
	pins >third
	jq -e '[.ranges[].held] == ["assumed", "assumed", "known"] or [.ranges[].held] == ["known", "assumed", "assumed"]' third
	ends INT
	emt events --json
	status_is 3
	jq_is '[.data.watches[] | .to == null] == [true, false] and [.data.watches[].events] == [3, 1]'
}

@test "mapped frames: only in a PV domain, where page tables tell" {
	grep -qsx PV /sys/hypervisor/guest_type && skip "this is one"
	emt events --follow --library "$LIBRARY" --mappings
	status_is 2
	grep -q 'was made without' <<<"$stderr" || has "$stderr" "this is no PV domain"
	emt events --mappings
	status_is 2
	has "$stderr" "add --follow"
}

@test "mappings: a walk against frames that were mapped" {
	emt show "$GUEST" --split --ndjson
	jq -c 'select(.record == "run" and .mfn != null) | [.gfn, .mfn, .order]' <<<"$output" >entries
	domain=$(jq -s '[.[] | select(.record == "run")][0].domain' <<<"$output")
	[ "$domain" != null ] || domain=$("$EMTCTL" facts "$GUEST" --json | jq '.data.facts[0].domain')
	head() { echo '{"record":"header","time":"2026-01-01T12:00:00Z"}'; }
	event() { # NAME GFN MFN COUNT
		echo "{\"record\":\"toolstack_event\",\"time\":\"2026-01-01T12:0$5:00Z\",\"event\":\"$1\",\"domain\":$domain,\"gfn\":$2,\"mfn\":$3,\"count\":$4,\"pid\":7,\"command\":\"xl\"}"
	}
	end() { echo '{"record":"watching","to":"2026-01-01T13:00:00Z","frames":1,"frames_lost":'"${1:-0}"'}'; }
	# three entries as they are; inside a superpage too, where there is one
	{
		head
		sed -n '1p;5p;$p' entries | while IFS=, read -r gfn mfn _; do event foreign-mapping "${gfn#[}" "$mfn" 1 0; done
		jq -r 'select(.[2] == 9) | "\(.[0] + 3) \(.[1] + 3)"' entries | sed -n 1p | while read -r gfn mfn; do
			event foreign-mapping "$gfn" "$mfn" 4 1
		done
		end
	} >journal
	emt mappings "$GUEST" --journal journal --json
	status_is 0
	jq_is '.data.domains[0] | .agree == .frames and .frames >= 3 and .differ == 0 and .absent == 0'
	jq_is '.data.differences == []'
	# two frames elsewhere, one where nothing is; of one mapped twice the last counts
	read -r gfn mfn < <(sed -n 5p entries | tr '[,' '  ' | awk '{print $1, $2}')
	{
		head
		event foreign-mapping "$gfn" $((mfn + 7)) 1 0
		event foreign-mapping 68719476735 99 1 1
		end
	} >journal
	emt mappings "$GUEST" --journal journal --json
	status_is 1
	jq_is '.data.domains[0] | .frames == 2 and .differ == 1 and .absent == 1'
	jq_is "(.data.differences | length) == 2 and .data.differences[0] == {domain: $domain, gfn: $gfn, count: 1, entry_mfn: $mfn,
		seen_mfn: ($mfn + 7), time: \"2026-01-01T12:00:00Z\", pid: 7, command: \"xl\"} and .data.differences[1].entry_mfn == null"
	emt mappings "$GUEST" --journal journal
	has "$output" "1 differ, 1 are not in the walk"
	{ sed '$d' journal; event foreign-mapping "$gfn" "$mfn" 1 2; event decrease-reservation 68719476735 null 1 3; end; } >again
	emt mappings "$GUEST" --journal again --json
	status_is 0
	jq_is '.data.domains[0] | .frames == 1 and .agree == 1 and .mapped == 3'
	# frames of a domain before it, pages that came since, lost mappings, none
	{ sed '$d' journal; event populate-physmap 1 null 2 4; event foreign-mapping "$gfn" "$mfn" 1 5; end 3; } >lost
	emt mappings "$GUEST" --journal lost --json
	status_is 3
	jq_is '.data.domains[0] | .frames == 1 and .complete == false'
	{ sed '$d' journal; event create null null 0 4; end; } >none
	emt mappings "$GUEST" --journal none
	status_is 2
	has "$stderr" "no mapped frame of this domain"
	emt mappings "$GUEST" --journal /nonexistent
	status_is 2
}

@test "50,000 calls as fast as they come: each is given, or counted as lost" {
	watch 6s pins 50000 || [ $? = 3 ] # 3: some were lost, and that is said
	jq -se '.[] | select(.record == "watching") | .calls == 50000 and .events + .lost == 50000' out.ndjson
	[ "$(grep -c '"record":"toolstack_event"' out.ndjson)" = "$(jq -s '.[] | select(.record == "watching").events' out.ndjson)" ]
	# what the reply says of itself goes with it
	jq -se '(.[] | select(.record == "watching").lost == 0) == (.[] | select(.record == "end").complete)' out.ndjson
}

@test "the observer's benchmark: every call is in the journal or counted" {
	run --separate-stderr timeout 60 "$BUILD/tests/bench/bench" observer
	[ "$status" = 0 ]
	case $stderr in
	*"no figures here"*) skip "$stderr" ;;
	esac
	has "$output" "bench: observer-call-watched"
	has "$output" "bench: observer-lost"
}

@test "a journal: events, one domain's, and watches that were cut off" {
	J=$ROOT/tests/data/journal.ndjson
	emt events --journal "$J" --json
	status_is 3
	jq_is '(.data.events | length) == 18 and (.data.watches | length) == 2'
	jq_is '.data.watches[0] | .to == null and .way == null and .events == 3'
	jq_is '.data.watches[1] | .way == "uprobe" and .events == 15 and .failed == 1'
	emt events --journal "$J"
	has "$output" "then it was cut off: what happened later is not known"
	has "$output" "domain 5  pins 0xf0000-0xf07ff as WC"
	emt events --journal "$J" --domain 42 --json
	jq_is '[.data.events[].event] == ["create", "create", "host-mtrr-add"]'
	# what was written is what is read
	jq -c 'select(.record == "toolstack_event")' "$J" >a
	emt events --journal "$J" --ndjson
	jq -c 'select(.record == "toolstack_event")' <<<"$output" >b
	diff a b
	# without the part that was cut off it is complete; a line cut off in the middle is passed over
	tail -n +5 "$J" >whole
	emt events --journal whole
	status_is 0
	head -c 2000 "$J" >torn
	emt events --journal torn
	status_is 3
	emt events --journal /nonexistent
	status_is 2
	has "$stderr" "--follow"
	emt events --journal "$GUEST"
	status_is 2
	emt events --by uprobe
	status_is 2
}

@test "a watch that is killed leaves what it saw, and the journal says where it was cut off" {
	watch 30s all killed
	[ "$(grep -c '"record":"toolstack_event"' out.ndjson)" = 17 ]
	cat "$ROOT/tests/data/journal.ndjson" >>out.ndjson
	emt events --journal out.ndjson --json
	status_is 3
	jq_is '[.data.watches[] | .to == null] == [true, true, false]'
	jq_is '.data.watches[0].events == 17 and (.data.events | length) == 35'
}

@test "without BPF the observer builds, and says what it was made without" {
	cat >main.c <<-'END'
		#include <stdio.h>
		#include "base/bpf.h"
		#include "xen/observer.h"
		int main(void)
		{
			struct emt_observer_opts opts = { .library = "x" };
			struct emt_observer *o;
			struct emt_err err = { 0 };
			int rc = emt_observer_open(&o, &opts, &err);

			printf("%s|%s|%d\n", emt_bpf_missing(), err.text, rc == EMT_E_UNSUPPORTED && !o);
			return 0;
		}
	END
	gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -DEMT_NO_BPF='"clang bpftool"' -I"$ROOT/lib" -o no-bpf main.c \
		"$ROOT/lib/xen/observer.c" "$ROOT/lib/base/bpf.c" "$ROOT/lib/base/err.c"
	run ./no-bpf
	has "$output" "clang bpftool|this build observes no calls: it was made without clang bpftool|1"
	emt version --json
	jq_is '.data.version.features[] | select(.name == "events") | .present == (.help | contains("built without") | not)'
}
