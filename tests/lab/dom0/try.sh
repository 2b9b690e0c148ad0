# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, before a job that runs emtctl from the share: where it is, try and begun.
E=/tmp/emt/emtctl
PATH=$PATH:/tmp/emt
cp -r /h/emt /tmp/emt
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/tmp/emt/lib
mkdir -p /h/out /h/keys

# try NAME COMMAND...: out, err and status to files of that name
try() {
	_to=/h/out/$1
	shift
	"$@" >"$_to.out" 2>"$_to.err" </dev/null
	echo $? >"$_to.rc"
}

# begun PID FILE: wait until `events --follow` of that process says in FILE that it watches
begun() {
	_n=0
	until grep -qs 'watching by' "$2" || ! kill -0 "$1" 2>/dev/null; do
		_n=$((_n + 1))
		[ $_n -lt 300 ] || lab_say FAILED "nothing for 30 s: $(cat "$2")"
		usleep 100000
	done
}
