# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: `events` while things happen to the guest.

# watch NAME WORDS...: begin; watched: it ends, all that happened is in NAME.out
watch() {
	name=$1
	shift
	"$E" events --follow --ndjson "$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null &
	watcher=$!
	for _ in $(seq 600); do
		grep -q 'watching KVM' "/h/out/$name.err" && break
		kill -0 $watcher 2>/dev/null || break
		sleep 0.1
	done
}
watched() {
	sleep 1
	kill -INT $watcher
	wait $watcher
	echo $? >"/h/out/$name.rc"
}
# the guest's own code and its list of addresses
say look 0x2000 1024 0
watch events --domain "$pid"
say touch 0x20800000 512
say slot add
say touch 0x50000000 256
say noncoherent on
say noncoherent off
say slot delete
watched
# what the journal knows and KVM has forgotten
(
	export EMTCTL_JOURNAL=/h/out/events.out
	try facts-journal "$E" facts "kvm:$pid" --json
)
# every run by itself: pages in order, and pages that do not follow each other
watch entries --entries --domain "$pid"
say touch 0x21000000 1024
say touch 0x21800000 300 0x2000
watched
# another virtual machine's are not given
watch others --domain 1
say touch 0x21c00000 64
watched
lab_say WATCHED "$(cut -d' ' -f1 /proc/uptime)"
