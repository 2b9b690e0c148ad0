#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# Events begin audits: calls of the toolstack, out of the journal as it grows, and domains
# that come; soon, and never beyond the budget.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fake_xen
	sed -i "2i export FAKEXEN_GONE=$PWD/gone; [ \"\$1\" != observe ] || date +%s.%N >>$PWD/runs" bin/emtctl
	: >runs
	mkdir j
	daemon=
}

teardown() {
	stop_emtd
}

# emtd over domain 5 whose clock alone would audit it once; more lines of configuration.
watching() {
	start_emtd "watch = xen:5,costs=yes" "allow_costs = yes" "watch_interval = 86400" "journal = $PWD/j/journal" \
		"textfile = $PWD/emt.prom" "watch_budget = 100" "$@"
}

header() { echo '{"record":"header","schema":"emt.events","time":"2026-11-24T22:02:33Z"}'; }

call() { # EVENT DOMAIN
	printf '{"record":"toolstack_event","time":"2026-11-24T22:02:35Z","microseconds":1,"event":"%s","domain":%s,"pid":1,"command":"xl","on":true,"gfn":256,"mfn":null,"to_gfn":null,"port":null,"count":1,"type":1,"device":null,"text":"pins 0x100 as WC"}\n' "$1" "$2"
}

audits() { wc -l <runs; }

at_least() { [ "$(audits)" -ge "$1" ]; }

# The number of audits, once there was time for one more.
settled() {
	sleep 2.5
	audits
}

metric() { awk -v m="$1" 'index($0, m) == 1 { print $NF }' emt.prom; }

@test "a call in the journal has its domain audited within seconds, another domain's does not" {
	header >j/journal
	call pin 5 >>j/journal # old: before emtd began
	watching "watch_pause = 0" "watch_events = 0"
	emt wait complete --timeout 10s
	status_is 0
	grep -q 'following the journal' emtd.log
	[ "$(settled)" = 1 ]
	call pin 5 >>j/journal
	until_true at_least 2
	call iomem-permission 7 >>j/journal
	call foreign-mapping 5 >>j/journal # looking at a guest changes nothing
	[ "$(settled)" = 2 ]
	# in pieces, as a writer may be seen; and what is no call
	line=$(call assign-device 5)
	printf '%s' "${line:0:90}" >>j/journal
	sleep 0.4
	[ "$(audits)" = 2 ]
	printf '%s\nnonsense\n{"record":4}\n[1]\n' "${line:90}" >>j/journal
	until_true at_least 3
	# what concerns the host concerns all
	call host-mtrr-add null >>j/journal
	until_true at_least 4
	# a watch that lost something, and one that begins: what happened is not known
	echo '{"record":"watching","lost":3,"unpaired":0,"unreadable":0}' >>j/journal
	until_true at_least 5
	header >>j/journal
	until_true at_least 6
	echo '{"record":"watching","lost":0,"unpaired":0,"unreadable":0}' >>j/journal
	[ "$(settled)" = 6 ]
	sleep 2
	[ "$(metric 'emt_watch_triggers_total{by="journal"}')" = 5 ]
	[ "$(metric emt_watch_journal_open)" = 1 ]
	[ "$(metric emt_watch_journal_calls_total)" = 4 ]
}

@test "a journal that comes later, is replaced, or begun anew" {
	rmdir j
	watching "watch_pause = 0" "watch_events = 1"
	emt wait complete --timeout 10s
	grep -q 'no such folder yet' emtd.log
	mkdir j
	until_true grep -q 'does not exist yet' emtd.log
	header >j/journal
	until_true at_least 2
	call pin 5 >>j/journal
	until_true at_least 3
	sleep 1
	n=$(audits)
	{
		header
		call pin 5
	} >next
	mv next j/journal
	until_true at_least $((n + 1))
	sleep 1.5
	n=$(audits)
	: >j/journal
	call pin 5 >>j/journal
	until_true at_least $((n + 1))
	# the service's folder is removed, and made again
	rm -r j
	mkdir j
	again() { [ "$(grep -c 'following the journal' emtd.log)" = 2 ]; }
	until_true again || { cat emtd.log >&2; false; }
	n=$(audits)
	call pin 5 >>j/journal
	until_true at_least $((n + 1))
}

@test "commands that emtd runs read that journal too" {
	watching
	header >j/journal
	call pin 5 >>j/journal
	emt facts 5 --all --json
	status_is 0
	jq_is '.data.facts[] | select(.fact == "pins") | .ranges | length == 1'
}

@test "a storm of calls: audits keep their distance, and the processor its peace" {
	watching "watch_pause = 3" "watch_events = 0"
	emt wait complete --timeout 10s
	until_true at_least 1
	call pin 5 >line
	for _ in $(seq 1000); do cat line; done >thousand
	before=$(awk '{ print $14 + $15 }' "/proc/$daemon/stat")
	began=$SECONDS
	while [ $((SECONDS - began)) -lt 8 ]; do
		cat thousand >>j/journal
		sleep 0.2
	done
	used=$(($(awk '{ print $14 + $15 }' "/proc/$daemon/stat") - before))
	echo "$(audits) audits, $used hundredths of a second of emtd itself"
	[ "$(audits)" -le 5 ]
	[ "$(audits)" -ge 3 ]
	[ "$used" -lt 200 ] || sanitized
	# the last call is followed by an audit
	last=$(date +%s.%N)
	sleep 5
	jq -ne "$(tail -n 1 runs) > $last - 3"
	[ "$(metric emt_watch_journal_calls_total)" -ge 10000 ]
}

@test "what comes too fast to be read is skipped and said, and all are audited" {
	watching "watch_pause = 0" "watch_events = 0"
	emt wait complete --timeout 10s
	call pin 7 >line # of another domain
	for _ in $(seq 2000); do cat line; done >part
	for _ in $(seq 8); do cat part; done >many
	cat many >>j/journal
	until_true at_least 2
	sleep 3
	[ "$(metric emt_watch_journal_skipped_bytes_total)" -gt 2000000 ]
	# and it goes on
	n=$(audits)
	call pin 5 >>j/journal
	until_true at_least $((n + 1))
}

@test "what an audit that costs takes of the host's time counts, and the budget is kept" {
	real=$EMTCTL
	cat >slow <<-END
		#!/bin/bash
		[ "\$1" != observe ] || sleep 1
		exec $real "\$@"
	END
	chmod +x slow
	EMTCTL=$PWD/slow
	# a second at the start, then a tenth of the time
	watching "watch_pause = 0" "watch_events = 0" "watch_budget = 10"
	began=$SECONDS
	while [ $((SECONDS - began)) -lt 12 ]; do
		call pin 5 >>j/journal
		sleep 0.5
	done
	echo "$(audits) audits of a second each in 12 seconds"
	[ "$(audits)" -ge 2 ]
	[ "$(audits)" -le 3 ]
}

@test "a new domain is audited as soon as the journal tells of it, and one that is gone is forgotten" {
	touch gone
	start_emtd "watch = all,costs=yes" "allow_costs = yes" "watch_interval = 86400" "journal = $PWD/j/journal" \
		"watch_budget = 100" "watch_events = 3600" "findings_log = yes"
	header >j/journal
	sleep 1.5
	[ "$(audits)" = 0 ]
	rm gone
	call create 5 >>j/journal
	until_true at_least 1
	emt wait complete 5 --timeout 5s
	status_is 0
	touch gone
	call destroy 5 >>j/journal
	until_true grep -q 'no longer watching xen:5' emtd.log
	until_true grep -q '"gone"' emtd.out
}
