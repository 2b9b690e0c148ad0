# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh: a guest, what the tool stack says of it, and emtctl's live facts.

id=$(/h/labdom full 0 0 0 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
try id echo "$id"
try xlinfo xl info
try hvmctx xen-hvmctx "$id"
try facts $E facts "xen:$id" --json
try memtype /tmp/emt/memtype "$id" 0x20000
try facts-costs $E facts "xen:$id,costs=yes" --json
try facts-dom0 $E facts xen:0 --json
try facts-none $E facts xen:4242 --json
try facts-name $E facts xen:nosuchname --json
try show $E show "$id,costs=yes"
try domains $E domains --json
try xllist xl list
xl destroy "$id"
try facts-gone $E facts "xen:$id" --json
