# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, before a job that runs emtctl from the share: where it is, and try.
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
