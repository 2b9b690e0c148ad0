# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: a guest on real EPT, the live audit beside what Xen prints.
E=/h/emt/emtctl
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/h/emt/lib
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}
chmod +x $E /h/labdom
id=$(/h/labdom full 0 0 0 2>/h/out/error.txt) || lab_say FAILED labdom
lab_say DOM "$id"
try id echo "$id"
try domains $E domains --json
try unasked $E audit "$id" --json
try audit $E audit "$id,costs=yes" --all --json
lab_say AUDITED
try take $E capture take "$id,costs=yes" -o /h/out/live.emt
try audittaken $E audit /h/out/live.emt --all --json
xl dmesg -c >/dev/null
xl debug-keys q; xl debug-keys D; xl dmesg >/h/out/dump.txt
try facts $E facts "$id,costs=yes" --json
xl list >/h/out/xllist.out
