# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: a guest on NPT with an assigned device, the debug keys as an
# administrator would press them, and emtctl at work beside it.

dev=$(edu 1)
insmod /lib/modules/xen-pciback.ko
xl pci-assignable-add "$dev" || lab_say FAILED "no assignable $dev"
id=$(/h/labdom full "$(bar "$dev")" 10 "$(sbdf "$dev")" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
for k in D o q Q v M; do
	xl debug-keys $k
done
xl dmesg >/h/live.txt

try version $E version
try help $E help
try import-live $E import /h/live.txt -o /tmp/live.emt
# the same host's text beside a recorded dump of another, said to be NPT
try import-npt $E import /h/live.txt /h/emt/D.txt -f /h/emt/npt.json -o /tmp/npt.emt
try audit-npt $E audit /tmp/npt.emt
try audit-live $E audit "$id"
try audit-file $E audit --ndjson /tmp/emt/sample.emt
if grep -q '^  *doctor ' /h/out/help.out; then
	try doctor $E doctor
fi
