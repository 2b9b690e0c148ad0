#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# emtd watches: events, waiting, history, budget, hook and log; and it goes on whatever
# happens to its disk, its history and its readers.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	D=$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt
	# the same entries, judged by two releases: one writes them, the other would not
	cp "$GUEST" clean.emt
	"$EMTCTL" import "$D" --release 4.17.7 --domain 1 -o good.emt >/dev/null 2>&1 || [ $? = 3 ]
	"$EMTCTL" import "$D" --release 4.2.0 --domain 1 -o bad.emt >/dev/null 2>&1 || [ $? = 3 ]
	cp clean.emt guest.emt
	daemon=
}

teardown() {
	stop_emtd
	[ ! -d disk ] || umount disk 2>/dev/null || true
}

# Replace the watched capture, as a writer should.
replace() {
	cp "$1" next.tmp
	mv next.tmp guest.emt
}

events() {
	jq -r 'select(.record == "event") | .event' "$1" | sort | uniq -c | awk '{ printf "%s %s\n", $2, $1 }'
}

@test "a finding is new, changed, cleared: in the stream, in text and NDJSON" {
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "findings_log = yes"
	"$EMTCTL" watch --ndjson --timeout 8s >all.ndjson &
	stream=$!
	"$EMTCTL" watch --timeout 20s --limit 1 >one.txt &
	text=$!
	until_true grep -q 'client 2: watch' emtd.log
	replace bad.emt
	emt wait 'findings > 0' --timeout 5s
	status_is 0
	wait "$text"
	grep -qE '^[0-9T:-]+Z  (new|gone) +domain 1 ' one.txt
	# more of the same: one entry of the finding less
	"$EMTCTL" import <(grep -v ' gfn: 00200 ' "$D") --release 4.2.0 --domain 1 -o fewer.emt >/dev/null 2>&1 || [ $? = 3 ]
	replace fewer.emt
	emt wait complete --fresh --timeout 5s
	# and gone again: each finding that was new is cleared
	replace clean.emt
	emt wait 'findings == 0' --timeout 5s --json
	status_is 0
	jq_is '.data.result.met and .data.state[0].complete'
	wait "$stream"
	keys() { jq -r "select(.event == \"$1\") | .key" all.ndjson | sort; }
	[ -n "$(keys new)" ]
	[ "$(keys new)" = "$(keys cleared)" ]
	jq -se '[.[] | select(.event == "new") | (.key | length) >= 16 and .severity != null and .entries > 0] | all' all.ndjson
	# the log says the same, line by line
	diff <(jq -cS 'select(.record == "event") | [.event, .key, .entries]' all.ndjson) \
		<(jq -cS '[.event, .key, .entries]' emtd.out)
}

@test "wait: met at once, met later, not met in time, wrong words" {
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600"
	emt wait 'complete && findings == 0' --timeout 5s
	status_is 0
	emt wait 'findings > 0' --timeout 300ms
	status_is 3
	emt wait 'complete' --fresh --timeout 300ms
	status_is 3
	(sleep 0.5 && replace bad.emt) &
	emt wait 'findings > 0' "$PWD/guest.emt" --fresh --timeout 10s --json
	status_is 0
	jq_is '.data.result.met and .data.state[0].findings > 0 and .data.state[0].domain == 1'
	emt wait 'nosuch > 0' --timeout 1s
	status_is 2
	has "$stderr" nosuch
	emt wait 'findings >= 0' other-guest --timeout 300ms
	status_is 3
	# one domain alone, by id, or as it is configured
	for dom in 1 "$PWD/guest.emt"; do
		emt watch "$dom" --timeout 500ms --ndjson
		status_is 0
		[ "$(grep -c '"event":"open"' <<<"$output")" -ge 1 ]
	done
	emt watch other-guest --timeout 500ms --ndjson
	status_is 0
	lacks "$output" '"record":"event"'
}

@test "however short the time: the answer is that it is not so, and emtd stays" {
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600"
	emt wait complete --timeout 5s
	# the command is stopped at every moment of its beginning
	for ms in 0 1 2 3 4 5 6 7 8 9 10 12 14 16 18 20 25 30 40 50; do
		for _ in 1 2 3; do
			emt wait 'findings > 1000' --timeout ${ms}ms
			status_is 3
		done
	done
	# and so from outside
	for _ in $(seq 40); do
		run timeout -s INT -k 20 "0.0$((RANDOM % 29 + 1))" "$EMTCTL" wait 'findings > 1000'
		[ "$status" != 137 ]
	done
	kill -0 "$daemon"
	run ! grep -q leaving emtd.log
	emt wait complete --timeout 5s
	status_is 0
}

@test "without emtd, or where it watches nothing, the answer says what to do" {
	unset EMTD_SOCKET
	for words in "watch" "wait complete" "history"; do
		read -r -a argv <<<"$words"
		emt "${argv[@]}" --json
		json_error_is no_source
		has "$stderr" "emtd"
	done
	start_emtd
	emt watch --timeout 5s
	status_is 2
	has "$stderr" "watch = SOURCE"
	emt history
	status_is 2
	has "$stderr" "history = FILE"
	# on the read-only socket too
	EMTD_SOCKET=$PWD/read.sock emt watch
	has "$stderr" "watch = SOURCE"
}

@test "a file that is damaged or gone: told once, nothing is cleared, and recovered" {
	replace bad.emt
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "findings_log = yes"
	emt wait 'findings > 0' --timeout 5s
	status_is 0
	head -c 700 bad.emt >cut.emt
	replace cut.emt
	sleep 2.5
	rm guest.emt
	until_true grep -q '"failed"' emtd.out
	emt wait 'findings > 0' --timeout 1s # still known
	status_is 0
	[ "$(grep -c '"cleared"' emtd.out)" = 0 ]
	replace bad.emt
	until_true grep -q '"recovered"' emtd.out
	[ "$(jq -r 'select(.event == "failed") | .text' emtd.out | uniq -d | wc -l)" = 0 ]
	[ "$(jq -r 'select(.event == "new") | .key' emtd.out | sort | uniq -d | wc -l)" = 0 ]
}

@test "history: first and last seen, cleared, facts that changed; a restart goes on" {
	replace bad.emt
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "history = $PWD/h.db" "findings_log = yes"
	emt wait 'audits >= 2' --timeout 10s
	status_is 0
	emt history --json --facts --audits
	status_is 0
	n=$(jq_of '.data.findings | length')
	[ "$n" -ge 1 ]
	jq_is '[.data.findings[] | .cleared == null and .first_seen <= .last_seen and .audits >= 2] | all'
	jq_is '(.data.audits | length) >= 2 and (.data.facts | length) > 3'
	# killed, and begun again: what is known is not new
	kill -9 "$daemon"
	wait "$daemon" || true
	rm -f read.sock
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "history = $PWD/h.db" "findings_log = yes"
	emt wait 'audits >= 1' --timeout 10s
	status_is 0
	run ! grep -q '"new"' emtd.out
	replace clean.emt
	emt wait 'findings == 0' --timeout 10s
	status_is 0
	emt history --json --events --facts
	jq_is "[.data.findings[] | select(.cleared != null)] | length == $n"
	jq_is "[.data.events[] | select(.event == \"cleared\")] | length == $n"
	jq_is '[.data.facts[] | select(.ended != null)] | length >= 1'
	# what was open at the beginning, and what is now
	first=$(jq_of '[.data.findings[].first_seen] | min')
	emt history --until "$first" --json
	jq_is ".data.findings | length == $n"
	emt history --since 2200-01-01 --json
	jq_is '.data.findings | length == 0'
	emt history "$PWD/guest.emt" --json
	jq_is ".data.findings | length == $n"
	emt history nosuch --json
	jq_is '.data.findings | length == 0'
}

@test "diff between two times: what became of findings and facts" {
	emt diff web1@-1h web1@now
	status_is 2
	has "$stderr" "emtd"
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "history = $PWD/h.db" "watch_budget = 100"
	emt wait complete --timeout 5s
	sleep 1.1
	t1=$(date +%s)
	sleep 1.1
	replace bad.emt
	emt wait 'findings > 0' --timeout 5s --json
	n=$(jq_of '.data.state[0].findings')
	sleep 1.1
	emt diff "$PWD/guest.emt@$t1" "$PWD/guest.emt@now" --json
	status_is 1
	jq_is "[.data.findings[] | select(.change == \"new\")] | length == $n"
	jq_is '(.data.facts | length) > 0 and .data.changes == []'
	t2=$(date +%s)
	sleep 1.1
	replace clean.emt
	emt wait 'findings == 0' --timeout 5s
	sleep 1.1
	emt diff "$PWD/guest.emt@$t2" "$PWD/guest.emt@now" --json
	status_is 1
	jq_is "[.data.findings[] | select(.change == \"cleared\")] | length == $n"
	emt diff "$PWD/guest.emt@now" "$PWD/guest.emt@now"
	status_is 0
	emt diff "$PWD/guest.emt@-1h" "$PWD/guest.emt@now"
	has "$stderr" "holds nothing"
	emt diff 1@yesterday 1@now
	status_is 2
	has "$stderr" "yesterday"
	emt diff 1@2026-01-03T10:11:00Z 1@now
	[ "$status" = 1 ] || [ "$status" = 3 ]
}

@test "a long history comes whole, page by page" {
	start_emtd "watch = $PWD/guest.emt" "history = $PWD/h.db"
	emt wait complete --timeout 5s
	sqlite3 h.db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO
		audits (domain, time, milliseconds, complete, release, entries, findings, summary) SELECT 1,
		(SELECT max(time) FROM audits), 1, 1, 'Xen 4.17.7', i, 0, '{}' FROM n"
	"$EMTCTL" history --audits --ndjson >all.ndjson
	[ "$(grep -c past_audit all.ndjson)" -ge 20001 ]
	tail -n 1 all.ndjson | jq -se '.[0] | .complete and .exit_status == 0'
	sanitized || [ "$(awk '/VmRSS/ { print $2 }' "/proc/$daemon/status")" -lt 60000 ]
}

@test "a full disk stops no audit, and the history goes on when there is room" {
	mkdir disk
	mount -t tmpfs -o size=300k tmpfs disk 2>/dev/null || skip "no tmpfs can be mounted here"
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "history = $PWD/disk/h.db" "watch_budget = 100" \
		"textfile = $PWD/emt.prom"
	emt wait complete --timeout 5s
	status_is 0
	dd if=/dev/zero of=disk/fill bs=4096 2>/dev/null || true
	for i in 1 2 3 4 5 6; do
		[ $((i % 2)) = 0 ] && replace clean.emt || replace bad.emt
		emt wait complete --fresh --timeout 5s
		status_is 0
	done
	grep -q 'audits go on' emtd.log
	[ "$(grep -c 'audits go on' emtd.log)" = 1 ]
	until_true grep -qE '^emt_history_audits_total\{result="lost"\} [1-9]' emt.prom
	rm disk/fill
	replace bad.emt
	until_true grep -q 'written again; [0-9]* audits are missing' emtd.log
	emt history --json
	jq_is '.data.findings | length >= 1'
	stop_emtd
	[ "$(sqlite3 disk/h.db 'PRAGMA integrity_check')" = ok ]
}

@test "killed again and again while it writes: it starts, goes on, and the history is whole" {
	run "$ROOT/tests/kills" 10
	echo "$output"
	[ "$status" = 0 ]
	has "$output" "10 times"
}

@test "a damaged or newer history: emtd starts, says so, and watches" {
	head -c 20000 /dev/urandom >h.db
	start_emtd "watch = $PWD/guest.emt" "history = $PWD/h.db"
	until_true grep -q 'set aside as' emtd.log
	emt wait complete --timeout 5s
	status_is 0
	emt history
	status_is 0
	stop_emtd
	sqlite3 h.db 'PRAGMA user_version = 7'
	before=$(sha256sum h.db)
	start_emtd "watch = $PWD/guest.emt" "history = $PWD/h.db"
	until_true grep -q 'of a newer emtd' emtd.log
	emt wait complete --timeout 5s
	status_is 0
	[ "$(sha256sum h.db)" = "$before" ]
}

# An emtctl that burns processor time, or says much, in the place of the real one.
instead() {
	cat >other
	chmod +x other
	REAL=$EMTCTL
	export REAL
	EMTCTL=$PWD/other
}

@test "the budget of processor time is kept" {
	instead <<-END
		#!/bin/bash
		if [ "\$1" = observe ]; then
			echo >>$PWD/runs
			perl -e 'while ((times)[0] < 0.4) { my \$x = 0; \$x += \$_ for 1..20000 }'
		fi
		exec $EMTCTL "\$@"
	END
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "watch_budget = 5"
	sleep 12
	runs=$(wc -l <runs)
	used=$(awk '{ print $16 + $17 }' "/proc/$daemon/stat") # of children that ended, hundredths
	echo "$runs audits, $used hundredths of a second in 12 s"
	# a second to begin with, 5% since, and the last may overdraw
	[ "$used" -le $((100 + 60 + 80)) ]
	[ "$runs" -le 6 ]
	[ "$runs" -ge 2 ]
}

@test "a slow reader loses events, is told how many, and emtd stays small" {
	cat >gen.py <<-'END'
		import json, sys, time
		n = int(time.time() * 1000) % 1000000
		head = {"record": "header"}
		print(json.dumps(head))
		print(json.dumps({"record": "domain", "domain": 1, "name": "big", "uuid": None, "release": "Xen 4.17.7", "complete": True, "entries": 1, "verdicts": []}))
		for i in range(3000):
		    print(json.dumps({"record": "finding", "domain": 1, "severity": "error", "kind": "mismatch", "reason": "%d" % i, "entries": n, "explanation": "x" * 300}))
		print(json.dumps({"record": "observation", "milliseconds": 1}))
		print(json.dumps({"record": "end", "exit_status": 1, "complete": True}))
	END
	instead <<-END
		#!/bin/bash
		[ "\$1" != observe ] || exec /usr/bin/python3 $PWD/gen.py
		exec $EMTCTL "\$@"
	END
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "watch_budget = 100" "history = $PWD/h.db"
	emt wait 'audits >= 1' --timeout 20s
	status_is 0
	mkfifo slow
	"$REAL" watch --changes --ndjson --timeout 120s >slow &
	stream=$!
	exec 7<slow
	emt wait 'audits >= 6' --timeout 40s
	status_is 0
	rss=$(awk '/VmRSS/ { print $2 }' "/proc/$daemon/status")
	echo "emtd: $rss KiB"
	sanitized || [ "$rss" -lt 80000 ]
	cat <&7 >got &
	reader=$!
	exec 7<&-
	for _ in {1..6}; do until_true grep -q '"event":"lost"' got && break; done
	kill -INT "$stream"
	wait "$stream" || st=$?
	wait "$reader"
	[ "${st:-0}" = 3 ]
	lost=$(jq -s '[.[] | select(.event == "lost") | .entries] | add' got)
	[ "$lost" -gt 100 ]
	tail -n 1 got | jq -se '.[0] | .record == "end"'
}

@test "what costs the host is not watched unless that is allowed" {
	fake_xen
	export FAKEXEN_LOG=$PWD/calls.log
	start_emtd "watch = 5,costs=yes" "watch_interval = 1"
	sleep 2
	grep -q 'allow_costs is off' emtd.log
	[ ! -e calls.log ] || lacks "$(cat calls.log)" debug_keys
	stop_emtd
	start_emtd "watch = all,costs=yes" "allow_costs = yes" "watch_interval = 1" "watch_events = 1"
	emt wait complete 5 --timeout 10s --json
	status_is 0
	jq_is '.data.state[0].domain == 5 and .data.state[0].entries > 10'
	grep -q 'watching xen:5' emtd.log
}

@test "SIGHUP: sources are added and removed, and those that stay keep what is known" {
	replace bad.emt
	cp clean.emt other.emt
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "findings_log = yes"
	emt wait 'findings > 0' --timeout 5s
	echo "watch = $PWD/other.emt" >>emtd.conf
	kill -HUP "$daemon"
	emt wait complete "$PWD/other.emt" --timeout 5s
	status_is 0
	n=$(grep -c '"new"' emtd.out)
	sed -i '/guest.emt/d' emtd.conf
	kill -HUP "$daemon"
	until_true grep -q '"gone"' emtd.out
	emt wait 'findings > 0' --timeout 300ms
	status_is 3
	[ "$(grep -c '"new"' emtd.out)" = "$n" ]
}

@test "the hook runs for each new finding that is grave enough, without a shell, and not for long" {
	cat >hook <<-END
		#!/bin/bash
		printf '%s\n' "\$#" "\$@" >>$PWD/hook.args
		cat >>$PWD/hook.in
		[ ! -e $PWD/hang ] || sleep 60
	END
	chmod +x hook
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "findings_log = yes" "hook_timeout = 1" \
		"hook_severity = warning" "hook = $PWD/hook --to ops;touch $PWD/shell \$(id)"
	emt wait complete --timeout 5s
	[ ! -e hook.in ]
	replace bad.emt
	emt wait 'findings > 0' --fresh --timeout 5s
	want=$(jq -r 'select(.event == "new" and (.severity == "warning" or .severity == "error" or .severity == "critical")) | .key' emtd.out | sort)
	[ -n "$want" ]
	until_true test -s hook.in
	sleep 0.5
	[ "$(jq -r .key hook.in | sort)" = "$want" ]
	grep -qx 'ops;touch' hook.args
	[ ! -e shell ]
	# one that hangs is ended
	touch hang
	replace clean.emt
	emt wait 'findings == 0' --fresh --timeout 5s
	replace bad.emt
	until_true grep -q 'hook takes more than' emtd.log
	[ "$(find "/proc/$daemon/fd" | wc -l)" -lt 30 ]
}

@test "what emtd starts is bound as emtd is: no capability, no call that takes hold of the host" {
	cat >hook <<-END
		#!/bin/bash
		exec 2>>$PWD/hook.err
		unshare -U true && echo unshare
		unshare -m true && echo unshare
		mount -t tmpfs tmpfs $PWD && echo mount
		date -s 2001-01-01 && echo clock
		dmesg --clear && echo syslog
		/usr/bin/python3 -c 'import ctypes, sys
		libc = ctypes.CDLL(None, use_errno=True)
		for name, nr in (("bpf", 321), ("finit_module", 313), ("perf_event_open", 298), ("kexec_load", 246), ("x32", 0x40000000 + 39)):
		    libc.syscall(nr, 0, 0, 0, 0, 0)
		    print("errno", name, ctypes.get_errno())' | sed 's/^/  /'
		grep -E '^(CapEff|CapPrm|Seccomp|NoNewPrivs):' /proc/self/status
		echo end
	END
	chmod +x hook
	sed -i "2i exec >>$PWD/hook.out" hook
	start_emtd "watch = $PWD/guest.emt" "hook = $PWD/hook" "hook_severity = info"
	replace bad.emt
	emt wait 'findings > 0' --timeout 5s
	for _ in {1..4}; do until_true grep -qx end hook.out && break; done
	cat hook.out
	run ! grep -qE '^(unshare|mount|clock|syslog)' hook.out
	for name in bpf finit_module perf_event_open kexec_load; do
		grep -q "errno $name 1$" hook.out
	done
	grep -q "errno x32 38$" hook.out
	grep -qE '^Seccomp:.2$' hook.out
	grep -qE '^NoNewPrivs:.1$' hook.out
	[ "$(grep -cE '^Cap(Eff|Prm):.0+$' hook.out)" -ge 2 ]
}

@test "the manual's example of a log pipeline works on the log of findings" {
	replace bad.emt
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "findings_log = yes"
	emt wait 'audits >= 2' --timeout 10s
	status_is 0
	mandoc -Tutf8 -O width=1000 "$BUILD/man/emtd.8" | col -bx >page.txt
	# what stands between the quotes behind jq -c
	sed -n "/journalctl -u emtd -o cat | jq -c '/,/'\$/p" page.txt | sed "1s/.*'//; \$s/'.*//" >filter.jq
	[ "$(wc -l <filter.jq)" -ge 2 ]
	jq -cf filter.jq emtd.out >new.ndjson
	[ "$(jq -r .key new.ndjson | sort)" = \
		"$(jq -r 'select(.event == "new" and .severity == "error") | .key' emtd.out | sort)" ]
	[ -s new.ndjson ]
	# every line of the log is an event of the declared shape
	"$EMTCTL" schema watch >schema.json
	jq -r '.definitions.event.properties | keys[]' schema.json | grep -vx record | sort >want
	jq -r 'keys[]' emtd.out | grep -vx record | sort -u >have
	diff want have
}

@test "watching needs no system call that the unit file forbids" {
	command -v strace >/dev/null && command -v systemd-analyze >/dev/null || skip "no strace, or no systemd-analyze"
	! sanitized || skip "LeakSanitizer and strace exclude each other"
	"$ROOT/tests/tools/syscalls-allowed" "$ROOT/daemon/emtd.service" >allowed
	[ "$(wc -l <allowed)" -gt 100 ]
	run ! grep -qx 'bpf\|mount\|ptrace\|init_module' allowed
	printf '#!/bin/sh\ncat >/dev/null\n' >hook
	chmod +x hook
	{
		printf 'socket = %s\nread_socket =\nemtctl = %s\n' "$PWD/full.sock" "$EMTCTL"
		printf '%s\n' "watch = $PWD/guest.emt" "watch_interval = 1" "history = $PWD/h.db" "findings_log = yes" \
			"hook = $PWD/hook" "hook_severity = info" "textfile = $PWD/emt.prom" "http_port = $((20000 + RANDOM % 20000))"
	} >emtd.conf
	# from the program's first own call on: what starts it is systemd's
	strace -f -qq -o trace "$BUILD/emtd" -c emtd.conf >emtd.out 2>emtd.log 3>&- &
	tracer=$!
	until_true test -S full.sock
	export EMTD_SOCKET=$PWD/full.sock
	emt wait complete --timeout 10s
	replace bad.emt
	emt wait 'findings > 0' --timeout 10s
	emt history --audits --facts --events
	status_is 0
	emt watch --timeout 1s
	daemon=$(awk 'NR == 1 { print $1 }' trace)
	kill "$daemon"
	wait "$tracer" || true
	daemon=
	sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' trace | sort -u >used
	[ "$(wc -l <used)" -gt 40 ]
	grep -qx memfd_create used
	grep -qx setpriority used
	grep -vxFf allowed used >beyond || true
	cat beyond
	[ ! -s beyond ]
}
