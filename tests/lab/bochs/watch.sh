# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154,SC3045
# Sourced by init: the observer and emtd at work in dom0. Its clock alone would have emtd
# audit once in an hour. Markers: CLEAN, CHANGED, UNDONE; at each of them emtd's metrics are
# sent again and again until a word comes back.
E=/h/emt/emtctl
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/h/emt/lib
chmod +x $E /h/emt/emtd /h/steer
now() { cut -d' ' -f1 /proc/uptime; }
exec 4</dev/ttyS1
ip link set lo up

failed=
fail() {
	failed=yes
	lab_say FAILED "$*"
	cp /tmp/*.log /tmp/events.ndjson /h/out/
}

# until WHAT COMMAND...: a minute at most
until_so() {
	what=$1 n=0
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 300 ] || { fail "never: $what"; return 1; }
		usleep 200000
	done
}

# hold MARK: until the other side says a word
hold() {
	lab_say "$1" "$(now)"
	while [ -z "$failed" ]; do
		text=$(wget -q -O - http://127.0.0.1:9111/metrics | gzip | base64 | tr -d '\n')
		echo "METRICS $text" >&3
		read -r -t 1 _ <&4 && break
	done
}

# steer NAME STEP...
steer() {
	_to=/h/out/$1
	shift
	/h/steer "$id" "$@" >"$_to.steer" 2>&1 || fail "steer: $(tail -n 1 "$_to.steer")"
}

# waits NAME EXPRESSION: until it is so
waits() {
	$E wait "$2" --timeout 60s --json >"/h/out/$1.wait" 2>&1 || fail "$1: not $2"
	lab_say STEP "$1" "$(now)"
}

J=/tmp/journal/journal.ndjson
mkdir -p /tmp/journal /run/emtd
xl dmesg >/h/out/boot.txt
cat >/tmp/emtd.conf <<-CONF
	emtctl = $E
	watch = all,costs=yes
	allow_costs = yes
	watch_interval = 3600
	watch_events = 3600
	watch_pause = 2
	watch_budget = 50
	journal = $J
	http_port = 9111
	findings_log = yes
	history = /tmp/history.db
CONF
$E events --follow --ndjson >$J 2>/tmp/observer.log &
observer=$!
until_so "the observer" grep -q 'watching by' /tmp/observer.log
/h/emt/emtd -c /tmp/emtd.conf >/tmp/events.ndjson 2>/tmp/emtd.log &
daemon=$!
until_so "emtd's socket" test -S /run/emtd/read.sock
sleep 2
lab_say STEP started "$(now)"

# a domain comes: the journal tells of it
$E wait complete --timeout 60s --json >/h/out/new.wait 2>&1 &
waiting=$!
xl create -p /h/steered.cfg >/h/out/create.txt 2>&1 || fail "xl create: $(tail -n 1 /h/out/create.txt)"
id=$(xl domid steered)
lab_say STEP created "$(now)"
wait $waiting || fail "the new domain is not audited"
lab_say STEP new "$(now)"
# a first superpage with a type of its own, rights, all touched
# shellcheck disable=SC2086
steer granted $GRANTED
sleep 6
waits granted 'warning == 0 && notice == 0 && pending_entries < 50'
hold CLEAN

# the guest writes its second MTRR, which no interface shows, and is given a page more
# shellcheck disable=SC2086
steer changed $CHANGED
waits changed 'warning > 0'
hold CHANGED
# shellcheck disable=SC2086
steer undone $UNDONE
waits undone 'warning == 0 && notice == 0'
hold UNDONE

# dom0 changes a host MTRR over a superpage of the guest; then takes it back
# (what the guest did must be undone before: a host MTRR that changed explains much,
# and the boot log must stay in the ring: it tells what the host's MTRRs were)
before=$(xl dmesg | wc -c)
xl debug-keys D
frame=$(xl dmesg | tail -c "+$((before + 1))" | sed -n 's/^(XEN) gfn: *a00 order: *[0-9]* mfn: *\([0-9a-f]*\) .*/\1/p')
steer host host-mtrr "$frame" 200 1
waits host 'notice > 0'
steer host-gone host-mtrr-gone "$(sed -n 's/^host register //p' /h/out/host.steer)"
waits host-gone 'notice == 0'

# a storm of calls
before=$($E history --audits --ndjson | grep -c past_audit)
began=$(now)
ten="pin 300 300 1 unpin 300 300 pin 300 300 1 unpin 300 300 pin 300 300 1 unpin 300 300 pin 300 300 1 unpin 300 300"
ten="$ten pin 300 300 1 unpin 300 300"
for n in 1 2 3 4 5 6 7 8 9 10; do
	# shellcheck disable=SC2086
	steer "storm$n" $ten $ten
done
ended=$(now)
sleep 8
echo "$before $($E history --audits --ndjson | grep -c past_audit) $began $ended $(now)" >/h/out/storm.txt
xl destroy steered
until_so "the domain is forgotten" grep -q '"event":"gone"' /tmp/events.ndjson
wget -q -O /h/out/last.prom http://127.0.0.1:9111/metrics
$E history --events --audits --ndjson >/h/out/history.ndjson 2>&1
grep -E '^(Cap|VmRSS)' /proc/$daemon/status >/h/out/status.txt
kill -INT $observer
wait $observer
kill -TERM $daemon
wait $daemon
echo $? >/h/out/emtd.rc
cp $J /tmp/events.ndjson /tmp/*.log /h/out/
