# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind events.sh: what emt costs a guest that runs. The same work of the guest alone, while
# audits run one after the other, and while its entries are watched; and what KVM counted
# for the guest meanwhile.
N=${ROUNDS:-8000}
mount -t debugfs debug /sys/kernel/debug
counted() {
	for c in pf_taken remote_tlb_flush_requests exits; do
		cat /sys/kernel/debug/kvm/"$pid"-*/$c 2>/dev/null || echo 0
	done | tr '\n' ' '
}
cost() { # NAME: the guest reads 4 MiB of its memory page by page, N times
	for _ in 1 2 3; do
		before=$(counted)
		say rounds "$N" 0x20000000 1024 4096
		echo "$1 $(tail -n 1 /tmp/answers) $before$(counted)" >>/h/out/cost.out
	done
}
began=$(cut -d' ' -f1 /proc/uptime)
"$E" audit "kvm:$pid" --json >/dev/null 2>&1
echo "audit $began $(cut -d' ' -f1 /proc/uptime)" >>/h/out/cost.out
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
echo "count $(wc -l </tmp/audits)" >>/h/out/cost.out
watch cost-events --domain "$pid"
cost events
watched
cost again
lab_say COST "$(cut -d' ' -f1 /proc/uptime)"
