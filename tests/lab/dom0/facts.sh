# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: a guest, what the tool stack says of it, and emtctl's live facts.
E=/tmp/emt/emtctl
cp -r /h/emt /tmp/emt
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/tmp/emt/lib
mkdir -p /h/out

# try NAME COMMAND...: out, err and status to files of that name
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}

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
