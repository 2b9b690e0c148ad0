# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: the same work of a toolstack, watched in each way.
insmod /lib/modules/xen-pciback.ko
dev=$(edu 2)
xl pci-assignable-add "$dev" || lab_say FAILED "$dev cannot be assigned"
for way in fentry kprobe uprobe; do
	$E events --follow --by $way --ndjson >/tmp/$way.ndjson 2>/tmp/$way.err &
	pid=$!
	begun $pid /tmp/$way.err
	id=$(/h/labdom full "$(bar "$dev")" 10 "$(sbdf "$dev")" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
	/h/labdom dirty >/h/out/dirty.txt 2>/h/error.txt || lab_say FAILED "labdom: $(cat /h/error.txt)"
	xl destroy "$id"
	xl destroy "$(cat /h/out/dirty.txt)"
	usleep 500000
	kill -INT $pid
	wait $pid
	echo $? >/h/out/$way.rc
	echo "$id $(cat /h/out/dirty.txt)" >/h/out/$way.ids
	cp /tmp/$way.ndjson /tmp/$way.err /h/out/
	xl pci-assignable-add "$dev" >/dev/null 2>&1
done
lab_say DONE
