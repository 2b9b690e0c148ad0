#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# emtd: the same output through it, what it refuses, and clients of every bad kind.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fake_xen
	export FAKEXEN_LOG=$PWD/calls.log
	WIRE=$ROOT/tests/tools/wire.py
	daemon=
}

teardown() {
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } || true
}

# Start it, with these lines more in its configuration; $daemon is its process.
start() {
	{
		echo "socket = $PWD/full.sock"
		echo "read_socket = $PWD/read.sock"
		echo "emtctl = $EMTCTL"
		printf '%s\n' "$@"
	} >emtd.conf
	"$BUILD/emtd" -c emtd.conf 2>emtd.log 3>&- &
	daemon=$!
	for _ in $(seq 100); do
		[ ! -S read.sock ] || return 0
		sleep 0.05
	done
	cat emtd.log >&2
	return 1
}

through() {
	EMTD_SOCKET=$PWD/full.sock emt "$@"
}

# A program in emtctl's place.
instead() {
	cat >other
	chmod +x other
	EMTCTL=$PWD/other
}

@test "through the daemon each command says the same, byte by byte" {
	start "allow_costs = yes"
	n=0
	while read -r -a argv; do
		EMTCTL_DAEMON=no emt "${argv[@]}"
		printf '%s\n%s\n%s\n' "$status" "$output" "$stderr" | sed -E 's/[0-9-]{10}T[0-9:]{8}Z|duration_seconds.*//g' >here
		before=$(grep -c 'client' emtd.log || true)
		through "${argv[@]}"
		printf '%s\n%s\n%s\n' "$status" "$output" "$stderr" | sed -E 's/[0-9-]{10}T[0-9:]{8}Z|duration_seconds.*//g' >there
		diff here there
		[ "$(grep -c 'client' emtd.log)" -gt "$before" ]
		n=$((n + 1))
	done <<-'END'
		domains
		domains --json
		audit 5,costs=yes
		audit 5,costs=yes --all --json
		show 5,costs=yes --ndjson
		explain 5,costs=yes 0x200
		map 5,costs=yes
		facts 5
		facts 5 --json
		facts 77
		facts nosuch --json
		audit 5
		show 5,costs=yes --where order==9 -o gfn,mfn --sort -gfn --limit 3
	END
	[ "$n" = 13 ]
}

@test "without a daemon, and for captures, emtctl reads by itself" {
	emt domains
	status_is 0
	start
	through audit "$GUEST"
	status_is 0
	[ "$(grep -c client emtd.log)" = 0 ]
	EMTD_SOCKET=$PWD/none emt facts 5
	status_is 2
	has "$stderr" "$PWD/none"
	EMTD_SOCKET=$PWD/none emt facts 5 --json
	json_error_is no_source
}

@test "what costs is refused unless configured, and never on the read-only socket" {
	start
	through audit 5,costs=yes --json
	json_error_is unsupported
	has "$stderr" "allow_costs"
	[ ! -e calls.log ] || lacks "$(cat calls.log)" debug_keys
	EMTD_SOCKET=$PWD/read.sock emt facts 5
	status_is 0
	EMTD_SOCKET=$PWD/read.sock emt domains
	status_is 0
	"$WIRE" read.sock run query status | grep -q "full socket"
	kill "$daemon" && wait "$daemon"
	start "allow_costs = yes"
	EMTD_SOCKET=$PWD/read.sock emt audit 5,costs=yes
	status_is 2
	through audit 5,costs=yes
	[ "$status" -le 1 ]
}

@test "no client has files read or written by the daemon" {
	start "allow_costs = yes"
	for words in "audit $GUEST" "audit capture:/etc/passwd" "audit mem:/dev/mem" "capture take 5 -o x.emt" \
		"import /etc/passwd -o x.emt" "map 5 --html x.html" "policy check /etc/shadow" "doctor --sysroot /etc" \
		"expect count 1+ show $GUEST" "-c domains" "-f /etc/passwd" "complete -- x" "metrics 5 --textfile x"; do
		read -r -a argv <<<"$words"
		run "$WIRE" full.sock run "${argv[@]}"
		has "$output" '"error"'
	done
	[ ! -e calls.log ]
	[ "$(find . -name 'x*')" = "" ]
}

@test "garbage, oversized and half-open: an answer or the end, and others are served" {
	start
	"$WIRE" full.sock ping | grep -q '"exit_status":0.*"protocol":1'
	"$WIRE" full.sock raw 'garbage\n' | grep -q 'bad_request.* null$'
	"$WIRE" full.sock raw '{"id":1,"verb":"frob"}\n' | grep -q 'bad_request'
	"$WIRE" full.sock raw '{"id":1,"verb":"run","words":[]}\n' | grep -q 'bad_request'
	"$WIRE" full.sock raw '{"id":-1,"verb":"ping"}\n' | grep -q 'bad_request'
	"$WIRE" full.sock raw 'xxxxxxxxxx' 10000 | grep -q 'too_long.* null$'
	"$WIRE" full.sock busy | grep -q '"busy"'
	through facts 5
	status_is 0
	kill -0 "$daemon"
}

@test "a command that crashes, hangs, is cancelled, or cannot be started" {
	instead <<-'END'
		#!/bin/bash
		case $2 in 1) kill -SEGV $$ ;; 2) sleep 60 ;; 3) exit 5 ;; esac
		trap 'exit 130' INT; sleep 60 & wait
	END
	start "request_timeout = 1"
	"$WIRE" full.sock run facts 1 | grep -q '"crashed"'
	"$WIRE" full.sock run facts 2 | grep -q '"timeout"'
	"$WIRE" full.sock run facts 3 | grep -q '"exit_status":5'
	"$WIRE" full.sock cancel | grep -q '"exit_status":130\|"cancelled"'
	rm other
	"$WIRE" full.sock run facts 5 | grep -q '"exit_status":127'
	kill -0 "$daemon"
}

@test "a slow reader is paused, not buffered; killed clients leave nothing behind" {
	instead <<-'END'
		#!/bin/bash
		head -c 40000000 /dev/zero | tr '\0' x
	END
	start
	mkfifo go
	"$WIRE" full.sock slow 1 <go >slow.out &
	slow=$!
	exec 8>go
	for _ in $(seq 100); do
		! grep -q waiting slow.out || break
		sleep 0.1
	done
	grep -q waiting slow.out
	[ "$(awk '/VmRSS/ { print $2 }' "/proc/$daemon/status")" -lt 200000 ]
	"$WIRE" full.sock run facts 5 | grep -q ' 40000000$'
	echo >&8
	exec 8>&-
	wait "$slow"
	grep -q '"exit_status":0.* 40000000$' slow.out
	for _ in 1 2 3 4 5 6; do
		timeout -s KILL 0.2 "$WIRE" full.sock slow 10 </dev/null >/dev/null 2>&1 || true
	done
	sleep 0.5
	[ -z "$(pgrep -P "$daemon" || true)" ]
	[ "$(find "/proc/$daemon/fd" | wc -l)" -lt 20 ]
}

@test "who does not read gives way when others wait and no place is left" {
	instead <<-'END'
		#!/bin/bash
		head -c 40000000 /dev/zero | tr '\0' x
	END
	start "max_workers = 1" "max_slow = 0"
	mkfifo go
	"$WIRE" full.sock slow 1 <go >slow.out &
	slow=$!
	exec 8>go
	for _ in $(seq 100); do
		! grep -q waiting slow.out || break
		sleep 0.1
	done
	"$WIRE" full.sock run facts 5 | grep -q '"exit_status":0.* 40000000$'
	echo >&8
	exec 8>&-
	wait "$slow"
	grep -q '"too_slow"' slow.out
}

@test "more clients than allowed are refused, and places come free" {
	start "max_clients = 10"
	[ "$("$WIRE" full.sock many 14)" = 5 ]
	sleep 0.3
	"$WIRE" full.sock ping | grep -q '"exit_status":0'
	grep -q 'refused, there are 10 clients' emtd.log
	# without descriptors: it waits, and serves when they are back
	prlimit --pid "$daemon" --nofile=14:14
	"$WIRE" full.sock many 3 >/dev/null 2>&1 || true
	prlimit --pid "$daemon" --nofile=1024:1024 2>/dev/null || true
	kill -0 "$daemon"
}

@test "configuration: errors name the line, a signal reads it again, another ends it cleanly" {
	for line in "frob = 1" "max_clients = 0" "allow_costs = maybe" "socket = relative" "nonsense"; do
		printf '# first\n%s\n' "$line" >bad.conf
		run --separate-stderr "$BUILD/emtd" -c bad.conf --check
		[ "$status" = 2 ]
		has "$stderr" "bad.conf"
		has "$stderr" "line 2"
	done
	run --separate-stderr "$BUILD/emtd" -c /nonexistent --check
	[ "$status" = 2 ]
	start
	"$BUILD/emtd" -c emtd.conf --check
	echo "max_clients = 0" >>emtd.conf
	kill -HUP "$daemon"
	sleep 0.3
	grep -q 'stays as it was' emtd.log
	sed -i '/max_clients/d' emtd.conf
	echo "max_clients = 2" >>emtd.conf
	kill -HUP "$daemon"
	sleep 0.3
	[ "$("$WIRE" full.sock many 4)" = 3 ]
	# a second one does not take the sockets away
	run --separate-stderr "$BUILD/emtd" -c emtd.conf
	[ "$status" = 2 ]
	has "$stderr" "another daemon listens there"
	[ "$(stat -c %a full.sock)" = 600 ]
	grep -q 'pid [0-9]* uid 0 ' emtd.log
	grep -q 'CapBnd:	0000000000000000' "/proc/$daemon/status"
	kill -TERM "$daemon"
	wait "$daemon"
	daemon=
	[ ! -e full.sock ]
	[ ! -e read.sock ]
}

@test "sockets of systemd are taken over, and left there" {
	command -v systemd-socket-activate || skip "no systemd-socket-activate"
	printf 'emtctl = %s\nsocket = %s\n' "$EMTCTL" "$PWD/unused.sock" >emtd.conf
	systemd-socket-activate -l "$PWD/act.sock" --fdname=full "$BUILD/emtd" -c emtd.conf --read-socket "" 2>emtd.log 3>&- &
	daemon=$!
	for _ in $(seq 100); do
		[ ! -S act.sock ] || break
		sleep 0.05
	done
	"$WIRE" act.sock ping | grep -q '"right":"host"'
	[ ! -e unused.sock ]
}

# The benchmark of it fails when a client is not served, a descriptor is left behind, or
# the daemon does not leave cleanly: under a sanitizer or valgrind also when memory is.
@test "200 clients of every bad kind at once: the others are served, all is given back" {
	local emtd=
	if command -v valgrind >/dev/null && ! sanitized; then
		emtd="valgrind -q --leak-check=full --error-exitcode=9 --child-silent-after-fork=yes"
	fi
	BENCH_EMTD=$emtd BENCH_WIRE_SECONDS=4 BENCH_WIRE_ENTRIES=20000 \
		run --separate-stderr timeout 150 "$BUILD/tests/bench/bench" wire
	status_is 0
	[[ $output == *"wire_load_not_served 0.000 "* ]]
}
