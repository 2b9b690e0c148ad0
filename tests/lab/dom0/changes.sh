# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind pci.sh: a guest with a device, which is then changed.
insmod /lib/modules/xen-pciback.ko
dev=$(edu 2)
xl pci-assignable-add "$dev" || lab_say FAILED "$dev cannot be assigned"
id=$(/h/labdom full "$(bar "$dev")" 10 "$(sbdf "$dev")" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
echo "$id $(sbdf "$dev")" >/h/domains.txt
mkdir -p /h/keys
lab_key v keys/v.txt
lab_say BUILT
lab_wait
/h/labdom change "$id" "$(bar "$dev")" >/dev/null 2>/h/error.txt || lab_say FAILED "labdom: $(cat /h/error.txt)"
lab_say CHANGED
lab_wait
