# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh: a PVH dom0, a guest of its own, and what emtctl says of both.

id=$(/h/labdom full 0 0 0 2>/h/out/labdom.err) || id=none
try id echo "$id"
try domains $E domains --json
try xllist xl list
try doctor $E doctor
try facts-dom0 $E facts xen:0 --json
try facts-dom0-costs $E facts xen:0,costs=yes --json
try audit-dom0 $E audit xen:0,costs=yes
try facts $E facts "xen:$id,costs=yes" --json
try hvmctx xen-hvmctx "$id"
xl debug-keys v
xl dmesg >/h/out/keys.txt
lab_say BUILT
lab_wait
