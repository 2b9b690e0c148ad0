# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: the query payload in a stock Xen. Markers: BUILT (guests stand still, what emtctl
# says of them is written), then every table of /h/wrong is tried, then unload, then churn.
E=/tmp/emt/emtctl
PATH=$PATH:/tmp/emt
cp -r /h/emt /tmp/emt
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/tmp/emt/lib
mkdir -p /h/out /h/keys
cycles=$(cat /h/cycles)

# try NAME COMMAND...: out, err and status to files of that name
try() {
	_to=/h/out/$1
	shift
	"$@" >"$_to.out" 2>"$_to.err" </dev/null
	echo $? >"$_to.rc"
}
edu() { # the n-th edu device as PCI name
	grep -l 0x11e8 /sys/bus/pci/devices/*/device | sed -n "$1s,.*/\(.*\)/device,\1,p"
}
bar() { # machine address of its registers
	cut -d' ' -f1 "/sys/bus/pci/devices/$1/resource" | head -n 1
}
sbdf() { # 0000:00:04.0 -> 20
	echo "$1" | tr ':.' '  ' | { read -r _ b d f; printf '%x\n' $((0x$b * 256 + 0x$d * 8 + 0x$f)); }
}

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
# clients at work while it is taken away
id=$(sed -n 1p /h/domains.txt | cut -d' ' -f1)
(n=0; while [ $n -lt 8 ]; do $E show "$id" --json >/dev/null 2>>/h/out/client.err; n=$((n + 1)); done) &
client=$!
try unload $E query unload --json
wait $client
try gone $E query status --json
try nothing $E show "$id"
xl dmesg -c >/h/xen.txt

# load, query and unload again and again, while domains come and go
good=0 bad=0 n=0
(while [ ! -e /tmp/enough ]; do
	d=$(/h/labdom dirty 2>/dev/null) && xl destroy "$d" && echo "$d" >>/h/churned
done) &
churn=$!
while [ $n -lt "$cycles" ]; do
	n=$((n + 1))
	if $E query load -y >/tmp/o 2>&1 && $E show "$id" --json >/tmp/o 2>&1 && $E query unload >/tmp/o 2>&1; then
		good=$((good + 1))
	else
		bad=$((bad + 1))
		cat /tmp/o >>/h/out/churn.err
		$E query unload >/dev/null 2>&1
	fi
	[ $((n % 50)) != 0 ] || { xl dmesg -c >>/h/xen.txt; lab_say CYCLES "$n"; }
done
touch /tmp/enough
wait $churn
echo "$good $bad $(wc -l </h/churned)" >/h/out/cycles.out
try end $E query status --json
try last /h/labdom dirty
xl list >/h/xl-list.txt
xl dmesg -c >>/h/xen.txt
