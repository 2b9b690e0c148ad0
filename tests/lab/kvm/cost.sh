# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: what emt costs a guest that runs. The same work of the guest alone, while
# audits run one after the other, and while its entries are watched.
N=${ROUNDS:-2000}
cost() { # NAME: the guest reads 4 MiB of its memory page by page, N times
	for _ in 1 2 3; do
		say rounds "$N" 0x20000000 1024 4096
		echo "$1 $(tail -n 1 /tmp/answers)" >>/h/out/cost.out
	done
}
cost warm
cost alone
: >/tmp/auditing
(while [ -e /tmp/auditing ]; do
	"$E" audit "kvm:$pid" --json >/dev/null 2>&1
	echo audit >>/tmp/audits
done) &
auditor=$!
cost audits
rm /tmp/auditing
wait $auditor
echo "audits $(wc -l </tmp/audits)" >>/h/out/cost.out
"$E" events --follow --ndjson --domain "$pid" >/dev/null 2>/tmp/watch.err </dev/null &
watcher=$!
sleep 1
cost events
kill -INT $watcher
wait $watcher
cost again
lab_say COST "$(cut -d' ' -f1 /proc/uptime)"
