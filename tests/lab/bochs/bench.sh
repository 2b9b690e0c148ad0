# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Behind steps.sh: what a guest's entries cost by the query payload and by key D.
chmod +x /h/labdom /h/keytime
one() {
	id=$(/h/labdom "$@" 2>/h/out/error.txt) || lab_say FAILED "labdom: $(cat /h/out/error.txt)"
	$E query load -y >/h/out/load.out 2>&1 || lab_say FAILED "query load: $(tail -n 1 /h/out/load.out)"
	try "$1.measure" $E query measure "$id" --json
	$E query unload >/dev/null
	for k in 1 2 3; do
		xl dmesg -c >/dev/null
		try "$1.key$k" /h/keytime D
	done
	xl dmesg >"/h/out/$1.ring"
	xl destroy "$id"
	lab_say MEASURED "$1" "$(now)"
}
one pages 64
one full 0 0 0
