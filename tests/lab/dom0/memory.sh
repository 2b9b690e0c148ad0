# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: build guests of every kind, then the texts of one instant.
# No guest runs and dom0 waits in between: tables and texts belong together.
xl dmesg >/h/boot.txt
free=$(edu 1)
insmod /lib/modules/xen-pciback.ko
for n in 2 3; do
	xl pci-assignable-add "$(edu $n)" || lab_say FAILED "$(edu $n) cannot be assigned"
done
one=$(edu 2)
two=$(edu 3)
set -- "full $(bar "$one") 10 $(sbdf "$one")" "full $(bar "$free") 100 0" pod dirty
[ "$(xl info free_memory)" -lt 2600 ] || set -- "$@" "huge $(sbdf "$two")"
for args; do
	# shellcheck disable=SC2086
	id=$(/h/labdom $args 2>/h/error.txt) || lab_say FAILED "labdom $args: $(cat /h/error.txt)"
	echo "$id $args" >>/h/domains.txt
done
# One that ran: pages touched by the processor, special pages of a real builder.
xl create /h/guest.cfg >/h/create.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/create.txt)"
n=0
until xl dmesg | grep -q 'lab guest touched its pages'; do
	n=$((n + 1))
	[ $n -lt 100 ] || lab_say FAILED the guest says nothing
	usleep 100000
done
xl pause touched
echo "$(xl domid touched) touched" >>/h/domains.txt
xl list >/h/xl-list.txt
mkdir -p /h/keys
for k in v o q Q D m M; do
	lab_key $k keys/$k.txt
done
xl info >/h/xl-info.txt
lab_say BUILT
lab_wait
