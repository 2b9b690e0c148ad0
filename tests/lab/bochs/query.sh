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

# each table of /h must be refused
wrong() {
	for f in /h/wrong-*.json; do
		n=$(basename "$f" .json)
		$E query unload >/dev/null 2>&1
		try "$n" $E query load --offsets "$f" -y --json
		$E query status -o payload >"/h/out/$n.left" 2>&1
	done
	try again $E query load -y --json
	lab_say WRONG "$(now)"
}

# time of a walk by the payload and by key D, of the same guest
cost() {
	for k in 1 2 3; do
		try "measure$k" $E query measure "$id" --json
		began=$(now)
		xl debug-keys D
		echo "$began $(now)" >"/h/out/keyd$k.out"
	done
	try unload $E query unload --json
}
