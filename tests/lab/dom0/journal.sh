# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: a journal as emt-events.service keeps it, and what emtctl
# makes of it: watched from a domain's creation on, after a restart, while nobody watches.
export EMTCTL_JOURNAL=/tmp/journal.ndjson
insmod /lib/modules/xen-pciback.ko
dev=$(edu 2)
xl pci-assignable-add "$dev" || lab_say FAILED "$dev cannot be assigned"
service() {
	rm -f /tmp/err
	printf '\n{"record":"gap"}\n' >>$EMTCTL_JOURNAL
	/h/flock --no-fork -n $EMTCTL_JOURNAL.lock $E events --follow --ndjson >>$EMTCTL_JOURNAL 2>/tmp/err &
	pid=$!
	begun $pid /tmp/err
}
facts() { # NAME: once all that was done is in the journal
	usleep 500000
	$E facts "$id" --all --json >"/h/out/$1.json" 2>>/h/error.txt
}
service
id=$(/h/labdom full "$(bar "$dev")" 10 "$(sbdf "$dev")" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
/h/labdom rights "$id" "$(bar "$dev")" 2>/h/error.txt || lab_say FAILED "rights: $(cat /h/error.txt)"
facts whole
$E query load -y >/h/out/load.txt 2>&1
facts payload
$E show "$id" --split --ndjson >/h/out/show.ndjson 2>>/h/error.txt
$E query unload >>/h/out/load.txt 2>&1
kill -9 $pid
wait $pid
facts nobody
sleep 2
service
facts again
$E events --json >/h/out/events.json 2>>/h/error.txt
kill -INT $pid
wait $pid
bar "$dev" >/h/out/bar
lab_say DONE
