# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: a Linux PV guest, looked at from dom0: as it is, ballooned out, with
# wrong entries, and out of the machine's memory in the end.
# shellcheck disable=SC2154 # E: try.sh
# wait until the guest's console says $1
said() {
	n=0
	until grep -q "$1" /h/out/guest-pv1.log 2>/dev/null; do
		n=$((n + 1))
		[ $n -gt 600 ] && lab_say FAILED no "$1" from the guest && break
		sleep 0.2
	done
}
# frames that Xen counts for the guest, when they no longer change
settled() {
	last=0 now=1
	while [ "$last" != "$now" ]; do
		last=$now
		sleep 1
		now=$(xl list pv1 | awk 'NR == 2 { print $3 }')
	done
}
kill "$(cat /run/xenconsoled.pid)"
xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/h/out
xl create /h/pv1.cfg >/h/out/create.out 2>&1 || lab_say FAILED the guest cannot be created
said GUEST-UP
settled
D=$(xl domid pv1)
try domains "$E" domains --json
try unasked "$E" pv pv1 --json
try before "$E" pv "xen:$D,costs=yes" --kernel "$(uname -r)" --json
try dom0 "$E" pv p2m:self --json
xl mem-set pv1 96
settled
try after "$E" pv "xen:$D,costs=yes" --kernel "$(uname -r)" --json
try domainsafter "$E" domains --json
# memory comes back: the word for the guest's init to load the module
xl mem-set pv1 112
said 'setp2m: swapped'
settled
try again "$E" pv "xen:$D,costs=yes" --kernel "$(uname -r)" --json
try audit "$E" audit "xen:$D,costs=yes" --json
try capture "$E" capture take "xen:$D,costs=yes" -o /h/out/pv1.emt
try captured "$E" audit /h/out/pv1.emt --json
