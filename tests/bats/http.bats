#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# emtd's metrics: the port, the textfile, and a real Prometheus whose alert fires and clears.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	D=$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt
	cp "$GUEST" clean.emt
	"$EMTCTL" import "$D" --release 4.2.0 --domain 1 -o bad.emt >/dev/null 2>&1 || [ $? = 3 ]
	cp clean.emt guest.emt
	PORT=$((20000 + RANDOM % 12000)) # below those that connections are given
	prometheus=''
}

teardown() {
	[ -z "$prometheus" ] || { kill "$prometheus" && wait "$prometheus"; } || true
	stop_emtd
}

replace() {
	cp "$1" next.tmp
	mv next.tmp guest.emt
}

get() {
	/usr/bin/python3 - "$@" <<-'END'
		import sys, urllib.request
		headers = {"Accept": sys.argv[2]} if len(sys.argv) > 2 else {}
		r = urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers), timeout=5)
		print(r.headers["Content-Type"], file=sys.stderr)
		sys.stdout.write(r.read().decode())
	END
}

@test "off by default; on localhost when asked for; both formats; nothing else is served" {
	start_emtd "watch = $PWD/guest.emt"
	run ! grep -q 'metrics on' emtd.log
	stop_emtd
	cp clean.emt other.emt
	start_emtd "watch = $PWD/guest.emt" "watch = $PWD/other.emt" "http_port = $PORT" "history = $PWD/h.db" \
		"watch_budget = 100"
	emt wait complete "$PWD/guest.emt" --timeout 5s
	emt wait complete "$PWD/other.emt" --timeout 5s
	get "http://127.0.0.1:$PORT/metrics" >m.prom 2>type.txt
	grep -q '^text/plain; version=0.0.4' type.txt
	promtool check metrics <m.prom
	get "http://127.0.0.1:$PORT/metrics" "application/openmetrics-text;version=1.0.0" >m.om 2>type.txt
	grep -q '^application/openmetrics-text; version=1.0.0' type.txt
	[ "$(tail -n 1 m.om)" = "# EOF" ]
	grep -q '^# TYPE emt_watch_audits counter' m.om
	# every series once, every family once
	[ "$(grep -v '^#' m.prom | sed 's/ [^ ]*$//' | sort | uniq -d)" = "" ]
	[ "$(grep '^# TYPE' m.prom | sort | uniq -d)" = "" ]
	[ "$(grep -c '^emt_build_info' m.prom)" = 1 ]
	grep -qF "emt_audit_complete{source=\"$PWD/guest.emt\",domain=\"1\",name=\"\"} 1" m.prom
	run ! get "http://127.0.0.1:$PORT/" 2>/dev/null
	# only there
	[ "$(ss -Hltn "sport = :$PORT" | awk '{ print $4 }')" = "127.0.0.1:$PORT" ]
}

@test "the textfile is whole at every moment, and promtool takes it" {
	mkdir d
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 1" "watch_budget = 100" "textfile = $PWD/d/emt.prom"
	until_true test -s d/emt.prom
	for _ in $(seq 40); do
		promtool check metrics <d/emt.prom
		[ "$(ls d)" = emt.prom ] || [ "$(find d -type f | wc -l)" -le 2 ]
		sleep 0.05
	done
}

@test "every metric of the rules and the dashboard is exported" {
	start_emtd "watch = $PWD/guest.emt" "textfile = $PWD/emt.prom" "history = $PWD/h.db"
	until_true grep -q '^emt_audit_complete' emt.prom
	sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' emt.prom | sort -u >have
	jq -e '.panels | length > 10 and ([.[].id] | length == (unique | length))' "$ROOT/daemon/monitoring/emt-dashboard.json"
	{
		jq -r '.panels[].targets[].expr' "$ROOT/daemon/monitoring/emt-dashboard.json"
		grep expr: "$ROOT/daemon/monitoring/emt-alerts.yml"
	} | grep -ohE '\b(emt|process)_[a-z_]+' | sort -u >want
	[ "$(wc -l <want)" -ge 15 ]
	grep -vxFf have want >unknown || true
	[ ! -s unknown ]
}

@test "a real Prometheus scrapes emtd; the alert fires when the guest's state changes, and clears" {
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "http_port = $PORT" "watch_budget = 100"
	sed 's/for: .*/for: 1s/' "$ROOT/daemon/monitoring/emt-alerts.yml" >rules.yml
	cat >prometheus.yml <<-END
		global: { scrape_interval: 1s, evaluation_interval: 1s }
		rule_files: [ rules.yml ]
		scrape_configs:
		  - job_name: emtd
		    static_configs: [ { targets: [ "127.0.0.1:$PORT" ] } ]
	END
	promtool check config prometheus.yml
	prometheus --config.file=prometheus.yml --storage.tsdb.path="$PWD/tsdb" --web.listen-address="127.0.0.1:$((PORT + 1))" \
		>prometheus.log 2>&1 3>&- &
	prometheus=$!
	api="http://127.0.0.1:$((PORT + 1))/api/v1"
	# jq -e is content with no input at all: what it says counts
	says() { [ "$(get "$api/$1" 2>/dev/null | jq "$2")" = true ]; }
	firing() {
		says alerts '[.data.alerts[] | select(.labels.alertname == "EmtWrongMemoryType" or
			.labels.alertname == "EmtKnownDefect") | .state == "firing"] | any'
	}
	quiet() { says alerts '.data.alerts | length == 0'; }
	up() { says query?query=up '.data.result[0].value[1] == "1"'; }
	for _ in {1..12}; do until_true up && break; done
	up || {
		get "$api/targets" | jq -c '.data.activeTargets[] | [.health, .lastError]' >&2
		tail -n 5 emtd.log prometheus.log >&2
		false
	}
	quiet
	replace bad.emt
	for _ in {1..12}; do until_true firing && break; done
	firing
	replace clean.emt
	for _ in {1..12}; do until_true quiet && break; done
	quiet
}

@test "a hundred domains that keep changing: memory and descriptors stay flat" {
	run --separate-stderr "$ROOT/tests/soak" 30 100
	echo "$output" "$stderr"
	[ "$status" = 0 ]
	has "$output" "from due to done"
}
