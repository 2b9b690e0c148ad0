# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, before the steps that steps.py wrote: what a step is.
E=/h/emt/emtctl
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/h/emt/lib
chmod +x $E /h/steer
now() { cut -d' ' -f1 /proc/uptime; }

# try NAME COMMAND...: out, err and status to files of that name
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}

# Where KEEP_RING is set the boot log stays in the console ring, as on most hosts; else
# the ring is emptied before each step, which is quicker.
clear_ring() {
	[ -n "${KEEP_RING:-}" ] || xl dmesg -c >/dev/null
}

# begin: a guest, built and not yet run
begin() {
	xl dmesg >/h/out/boot.txt
	xl create -p /h/steered.cfg >/h/out/create.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/out/create.txt)"
	id=$(xl domid steered)
	lab_say CREATED "$(now)"
}

# step NAME STEP ARGUMENT...: have it done, then audit the live domain; NAME.txt is what
# Xen printed for that very audit.
step() {
	what=$1
	shift
	if ! /h/steer "$id" "$@" >"/h/out/$what.steer" 2>&1; then
		lab_say FAILED "$what: $(tail -n 1 "/h/out/$what.steer")"
		cp "/h/out/$what.steer" /h/out/failed.txt
	fi
	clear_ring
	before=$(xl dmesg | wc -c)
	try "$what" $E audit "$id,costs=yes" --all --json
	xl dmesg | tail -c "+$((before + 1))" >"/h/out/$what.txt"
	lab_say STEP "$what" "$(now)"
}

# frame NAME GFN: the machine frame behind it after step NAME (GFN hexadecimal)
frame() {
	sed -n "s/^(XEN) gfn: *$2 order: *[0-9]* mfn: *\([0-9a-f]*\) .*/\1/p" "/h/out/$1.txt"
}

# register NAME: the host's MTRR that step NAME took
register() {
	sed -n 's/^host register //p' "/h/out/$1.steer"
}

# keep NAME: a capture of the live domain as it is
keep() {
	try "$1.take" $E capture take "$id,costs=yes" -o "/h/out/$1.emt"
}
