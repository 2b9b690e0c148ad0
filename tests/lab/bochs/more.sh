# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Behind steps.sh, with a console ring that holds a part of what key D prints: what the query payload
# makes of a guest that does not fit, of one with a device model, and of wrong numbers.
chmod +x /h/labdom /h/dmstub /h/abuse
id=$(/h/labdom full 0 0 0 2>/h/out/error.txt) || lab_say FAILED "labdom: $(cat /h/out/error.txt)"
try bykey $E audit "$id,costs=yes" --all --json
$E query load -y >/h/out/load.out 2>&1 || lab_say FAILED "query load: $(tail -n 1 /h/out/load.out)"
try audit $E audit "$id" --all --check --json
try show $E show "$id" --split --ndjson
xl dmesg -c >/dev/null
xl debug-keys D
xl dmesg >/h/out/ring.txt
lab_say RING "$(now)"

xl create -p /h/hvm.cfg >/h/out/create.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/out/create.txt)"
hvm=$(xl domid model)
xl list >/h/out/list.txt
try hvm.domains $E domains --json
try hvm.audit $E audit "$hvm" --all --check --json
try hvm.show $E show "$hvm" --split --ndjson
try hvm.facts $E facts "$hvm" --all --json
try hvm.measure $E query measure "$hvm" --json
lab_say HVM "$(now)"

# what nobody should ask, and who should not
xl create -p /h/steered.cfg >/h/out/steered.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/out/steered.txt)"
/h/steer "$(xl domid steered)" query >/h/out/outsider.txt 2>&1 || lab_say FAILED "steer: $(tail -n 1 /h/out/outsider.txt)"
xl destroy steered
try abuse /h/abuse "$id" "$(cat /h/seed)" 500
try abused $E audit "$id" --all --check --json
lab_say ABUSED "$(now)"

# one emtctl tries them all: starting it takes longer than what it does
for f in /h/wrong-*.json; do
	n=$(basename "$f" .json)
	echo "query load --offsets $f -y --json > /h/out/$n.out"
	echo "query status --json > /h/out/$n.left"
	echo "query unload --json > /dev/null"
done >/tmp/wrong.emt
$E query unload >/dev/null
$E -k -f /tmp/wrong.emt >/h/out/wrong.txt 2>&1
try again $E query load -y --json
try still $E audit "$id" --all --check --json
try unload $E query unload --json
lab_say WRONG "$(now)"
xl destroy model
xl destroy "$id"
xl list >/h/out/end.txt
xl dmesg >/h/out/xen.txt
