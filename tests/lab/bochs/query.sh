# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Behind steps.sh: a step is what the query payload says, beside what key D prints. emtctl itself
# presses no key and reads no register of a vCPU.
try unasked $E query load
$E query load -y >/h/out/load.out 2>&1 || lab_say FAILED "query load: $(tail -n 1 /h/out/load.out)"

# step NAME STEP ARGUMENT...
step() {
	what=$1
	shift
	if ! /h/steer "$id" "$@" >"/h/out/$what.steer" 2>&1; then
		lab_say FAILED "$what: $(tail -n 1 "/h/out/$what.steer")"
		cp "/h/out/$what.steer" /h/out/failed.txt
	fi
	try "$what" $E audit "$id" --all --check --json
	try "$what.show" $E show "$id" --split --ndjson
	try "$what.facts" $E facts "$id" --all --json
	xl dmesg -c >/dev/null
	xl debug-keys D
	xl dmesg >"/h/out/$what.txt"
	lab_say STEP "$what" "$(now)"
}

# pat VALUE: the guest writes its PAT (hexadecimal); without and with consent
pat() {
	/h/steer "$id" wrmsr 277 "$1" >/h/out/pat.steer 2>&1 || lab_say FAILED "pat: $(tail -n 1 /h/out/pat.steer)"
	try pat.payload $E facts "$id" --all --json
	xl dmesg -c >/dev/null
	try pat.record $E facts "$id,costs=yes" --all --json
	xl dmesg >/h/out/pat.ring
}

# time of a walk by the payload and by key D, of the same guest
cost() {
	try measure $E query measure "$id" --json
	for k in 1 2 3; do
		began=$(now)
		xl debug-keys D
		echo "$began $(now)" >"/h/out/keyd$k.out"
	done
	try unload $E query unload --json
}
