# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Behind try.sh and pci.sh: the query payload in a stock Xen. Markers: BUILT (guests stand still, what emtctl
# says of them is written), then every table of /h/wrong is tried, then unload.
try status $E query status --json
try unasked $E query load
try offsets $E query offsets --json
try wrongbuild $E query load --offsets /h/otherbuild.json -y
try forced xen-livepatch upload other /h/otherbuild.livepatch
# in use before any guest is: assigning a device then passes through it
try early $E query load -y --json
full="full 0 0 0"
if [ -e /h/assign ]; then
	insmod /lib/modules/xen-pciback.ko
	one=$(edu 2)
	xl pci-assignable-add "$one" || lab_say FAILED "$one cannot be assigned"
	full="full $(bar "$one") 10 $(sbdf "$one")"
fi
for args in "$full" pod dirty; do
	# shellcheck disable=SC2086
	id=$(/h/labdom $args 2>/h/error.txt) || lab_say FAILED "labdom $args: $(cat /h/error.txt)"
	echo "$id $args" >>/h/domains.txt
done
sed 's/vcpus = 1/vcpus = 2/' /h/guest.cfg >/tmp/two.cfg
xl create /tmp/two.cfg >/h/create.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/create.txt)"
n=0
until xl dmesg | grep -q 'lab guest touched its pages'; do
	n=$((n + 1))
	[ $n -lt 100 ] || lab_say FAILED the guest says nothing
	usleep 100000
done
xl pause touched
echo "$(xl domid touched) touched" >>/h/domains.txt
sed 's/vcpus = 2/vcpus = 1/' /h/hvm.cfg >/tmp/hvm.cfg
xl create -p /tmp/hvm.cfg >/h/model.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/model.txt)"
echo "$(xl domid model) model" >>/h/domains.txt
try domains $E domains --json
while read -r id _; do
	try "show$id" $E show "$id" --split --ndjson
	try "facts$id" $E facts "$id" --all --json
	try "hvmctx$id" xen-hvmctx "$id"
done </h/domains.txt
try dom0 $E show 0
lab_key v keys/v.txt
lab_key q keys/q.txt
lab_say BUILT
lab_wait

for f in /h/wrong/*.json; do
	name=$(basename "$f" .json)
	$E query unload >/dev/null 2>&1
	try "wrong-$name" $E query load --offsets "$f" -y --json
	$E query status -o payload >"/h/out/left-$name.out" 2>&1
done
$E query unload >/dev/null 2>&1
lab_say TRIED

try again $E query load -y --json
try twice $E query load -y --json
try abuse /h/abuse "$(sed -n 1p /h/domains.txt | cut -d' ' -f1)" "$(cat /h/seed)" 20000
# clients at work while it is taken away
id=$(sed -n 1p /h/domains.txt | cut -d' ' -f1)
(n=0; while [ $n -lt 8 ]; do $E show "$id" --json >/dev/null 2>>/h/out/client.err; n=$((n + 1)); done) &
client=$!
try unload $E query unload --json
wait $client
try gone $E query status --json
try nothing $E show "$id"
xl dmesg -c >/h/xen.txt

try end $E query status --json
try last /h/labdom dirty
xl list >/h/xl-list.txt
xl dmesg -c >>/h/xen.txt
