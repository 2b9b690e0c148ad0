#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# The unit files under a systemd that runs: installed as "make install" does it, on a copy
# of this machine that is thrown away. Only what a machine without Xen lacks is changed.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	! sanitized || skip "LeakSanitizer needs calls that the unit files forbid"
	mkdir box
	cp "$GUEST" box/clean.emt
	"$EMTCTL" import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" --release 4.2.0 --domain 1 -o box/bad.emt \
		>/dev/null 2>&1 || [ $? = 3 ]
	sed -e "/'q' pressed/,\$d" -e 's/domain1 EPT/domain5 EPT/' \
		"$CONSOLE/xen-4.17.7-key-D-then-q-pvh-built.txt" >box/fake-D.txt
	sed -e "1,/'q' pressed/d" -e 's/domain 1\b/domain 5/' \
		"$CONSOLE/xen-4.17.7-key-D-then-q-pvh-built.txt" >box/fake-q.txt
	cp "$BUILD/tests/tools/libxencall.so.1" "$BUILD/tests/tools/libfakeprivcmd.so" "$BUILD/tests/tools/toolstack" box/
}

# What runs inside, with these at hand. It stops at the first thing that is not so.
inside() {
	cat - >box/try.sh <<-END
		set -eu
		trap 'echo "line \$LINENO: not so"; systemctl status emtd --no-pager -n 20; tail -n 20 /tmp/err 2>/dev/null' ERR
		until_true() { for _ in \$(seq 200); do "\$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; echo "never: \$*"; return 1; }
		make -s -C $ROOT BUILD=$BUILD install >/tmp/install 2>&1
		mkdir -p /srv/emt /etc/emt
		cd /srv/emt
		find $PWD/box -maxdepth 1 -type f -exec cp {} . \;
		cp clean.emt guest.emt
		{
			echo '#!/bin/bash'
			echo 'export FAKEXEN_D=/srv/emt/fake-D.txt FAKEXEN_Q=/srv/emt/fake-q.txt FAKEXEN_CMDLINE=conring_size=4M'
			echo 'export LD_LIBRARY_PATH=/srv/emt LD_PRELOAD=/srv/emt/libxencall.so.1 ASAN_OPTIONS=verify_asan_link_order=0'
			echo 'exec /usr/local/bin/emtctl "\$@"'
		} >emtctl
		{
			echo '#!/bin/sh'
			echo 'cat >>/var/lib/emtd/hook.in'
			echo 'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status >/var/lib/emtd/rights'
			echo 'exec 2>>/var/lib/emtd/hook.err'
			echo 'for f in /usr/x /srv/emt/x /etc/x /proc/sys/kernel/x /root/x; do echo 1 >\$f && echo \$f >>/var/lib/emtd/written; done'
			echo 'mount -t tmpfs none /tmp && echo mount >>/var/lib/emtd/written'
			echo 'unshare -U true && echo unshare >>/var/lib/emtd/written'
			echo 'echo >/dev/tcp/127.0.0.1/1 2>&1; ls /sys/class/net >>/var/lib/emtd/net'
			echo 'true'
		} >hook
		chmod +x emtctl hook
		for u in emtd emt-events; do
			mkdir -p /etc/systemd/system/\$u.service.d
			printf '[Unit]\nConditionPathExists=\n' >/etc/systemd/system/\$u.service.d/here.conf
		done
		# calls are seen in a library of ours
		{
			printf '[Service]\nExecStart=\n'
			sed -n '/^ExecStart=/s|--ndjson|--ndjson --library /srv/emt/libfakeprivcmd.so|p' \
				/usr/local/lib/systemd/system/emt-events.service
		} >>/etc/systemd/system/emt-events.service.d/here.conf
		printf '%s\n' 'emtctl = /srv/emt/emtctl' 'watch = /srv/emt/guest.emt' 'watch = xen:5,costs=yes' 'allow_costs = yes' \
			'watch_interval = 86400' 'watch_pause = 0' 'watch_budget = 100' 'findings_log = yes' \
			'history = /var/lib/emtd/history.db' 'textfile = /var/lib/emtd/emt.prom' 'hook = /srv/emt/hook' \
			'hook_severity = info' >/etc/emt/emtd.conf
		systemctl daemon-reload
		pid() { systemctl show -P MainPID emtd; }
		state() { sed -n "s/^\$1:[[:space:]]*//p" /proc/\$(pid)/status; }
		log() { journalctl -u emtd -o cat --no-pager; }
	END
	cat - >>box/try.sh <<<"$1"
	echo 'echo all so' >>box/try.sh
	run "$ROOT/tests/tools/with-systemd" "$PWD/box" bash "$PWD/box/try.sh"
	[ "$status" != 77 ] || skip "$output"
	echo "$output"
	[ "$status" = 0 ]
	[ "${lines[-1]}" = "all so" ]
}

@test "the service starts, has no rights, watches, logs to the journal, and comes back when it is killed" {
	inside '
		systemctl start emtd # of type notify: returns once it is ready
		[ "$(systemctl is-active emtd)" = active ]
		for c in CapEff CapPrm CapInh CapAmb; do [ "$(state $c)" = 0000000000000000 ]; done
		[ "$(state Seccomp)" = 2 ]
		[ "$(state NoNewPrivs)" = 1 ]
		systemd-analyze security --no-pager --threshold=25 emtd.service | tail -n 1 # 2.5 of 10
		[ "$(stat -c %a:%U /run/emtd/emtd.sock)" = 600:root ]
		[ "$(stat -c %a /run/emtd/read.sock)" = 666 ]
		emtctl wait "complete && findings == 0" /srv/emt/guest.emt --timeout 20s 2>/tmp/err
		emtctl wait complete 5 --timeout 20s 2>/tmp/err
		emtctl domains 2>/tmp/err | grep -q "^ *5 "
		cp bad.emt next
		mv next guest.emt
		emtctl wait "findings > 0" /srv/emt/guest.emt --timeout 20s 2>/tmp/err
		# the manual says how a log pipeline finds what is new and grave
		new() { journalctl -u emtd -o cat | jq -Rc "fromjson? | select(.event == \"new\" and .severity == \"error\") | .key"; }
		until_true test -s /var/lib/emtd/hook.in
		[ "$(new | wc -l)" -ge 1 ]
		[ "$(new | sort)" = "$(jq -c "select(.severity == \"error\") | .key" /var/lib/emtd/hook.in | sort)" ]
		# what the sandbox keeps from all that emtd runs
		until_true test -s /var/lib/emtd/net
		[ ! -e /var/lib/emtd/written ] || { cat /var/lib/emtd/written; false; }
		[ "$(sort -u /var/lib/emtd/net)" = lo ]
		[ "$(awk "/^Cap(Eff|Prm)/ && \$2 == 0 || /^(Seccomp|NoNew)/ && \$2 != 0" /var/lib/emtd/rights | wc -l)" = 4 ]
		until_true grep -q ^emt_findings /var/lib/emtd/emt.prom
		# killed: another begins, and goes on with the history
		first=$(pid)
		kill -9 $first
		another() { [ "$(systemctl is-active emtd)" = active ] && [ "$(pid)" != $first ] && [ "$(pid)" != 0 ]; }
		until_true another
		keys=$(new | wc -l)
		emtctl wait "findings > 0" /srv/emt/guest.emt --timeout 20s 2>/tmp/err
		[ "$(new | wc -l)" = "$keys" ]
		sed -i "/guest.emt/d" /etc/emt/emtd.conf
		systemctl reload emtd
		gone() { log | grep -q "no longer watching /srv/emt/guest.emt"; }
		until_true gone
		systemctl stop emtd
		[ "$(systemctl show -P Result emtd)" = success ]
		[ "$(systemctl show -P ExecMainStatus emtd)" = 0 ]
		[ ! -e /run/emtd/emtd.sock ]
		# a client starts it
		systemctl start emtd.socket
		[ "$(systemctl is-active emtd || true)" = inactive ]
		emtctl domains 2>/tmp/err | grep -q "^ *5 "
		[ "$(systemctl is-active emtd)" = active ]
		systemctl stop emtd emtd.socket
	'
}

@test "the observer sees a call, its journal grows, emtd audits: the two services together" {
	inside '
		systemctl start emtd
		emtctl wait complete 5 --timeout 20s 2>/tmp/err
		systemctl start emt-events
		watching() { journalctl -u emt-events -o cat --no-pager | grep -q "watching by"; }
		over() { [ "$(systemctl is-active emt-events)" = failed ] || watching; }
		until_true over
		watching || { journalctl -u emt-events -o cat --no-pager | grep -E "no way to observe|was made without" && exit 77; }
		[ "$(stat -c %a /var/lib/emt)" = 700 ]
		# the journal says first that whatever was before is over
		[ "$(head -n 2 /var/lib/emt/journal.ndjson | jq -c .)" = "{\"record\":\"gap\"}" ]
		# one that begins concerns all domains
		emtctl wait "audits >= 2" 5 --timeout 20s 2>/tmp/err
		/srv/emt/toolstack pins 3
		emtctl wait "audits >= 3" 5 --timeout 20s 2>/tmp/err
		emtctl history --audits --json 2>/tmp/err | jq -e "[.data.audits[] | select(.domain == 5)] | length >= 3" >/tmp/out
		systemctl stop emt-events
		[ "$(systemctl show -P Result emt-events)" = success ]
		tail -n 1 /var/lib/emt/journal.ndjson | jq -e "select(.record == \"end\") | .complete" >/tmp/out
		jq -se "[.[] | select(.record == \"watching\")] | length == 1 and .[0].events == 3 and .[0].lost == 0" /var/lib/emt/journal.ndjson >/tmp/out || { cat /var/lib/emt/journal.ndjson; false; }
		systemctl stop emtd
	'
}
