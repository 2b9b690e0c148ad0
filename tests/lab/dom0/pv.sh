# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: dom0 looks at its own p2m, balloons out, looks again, and waits for
# the machine to be frozen.
E=/tmp/emt/emtctl
cp -r /h/emt /tmp/emt
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/tmp/emt/lib
mkdir -p /h/out
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}
# memory that dom0 has, in KiB, when it no longer changes
settled() {
	last=0 now=1
	while [ "$last" != "$now" ]; do
		last=$now
		sleep 1
		now=$(cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb)
	done
}
for d in /sys/bus/pci/devices/*; do
	echo "${d##*/}"
	cat "$d/resource"
done >/h/out/resources.txt
cat /proc/iomem >/h/out/iomem.txt
uname -r >/h/out/uname.txt
insmod /lib/modules/xen-pciback.ko
settled
try unasked $E pv xen:0 --json
try before $E pv xen:0,costs=yes --json
try domains $E domains --json
echo 409600 >/sys/devices/system/xen_memory/xen_memory0/target_kb
settled
try after $E pv xen:0,costs=yes --json
try domainsafter $E domains --json
echo 458752 >/sys/devices/system/xen_memory/xen_memory0/target_kb
settled
try again $E pv xen:0,costs=yes --json
try text $E pv xen:0,costs=yes
