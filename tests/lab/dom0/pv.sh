# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: dom0 looks at its own p2m, balloons out, looks again, and waits for
# the machine to be frozen.
# shellcheck disable=SC2154 # E: try.sh
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
try unasked "$E" pv xen:0 --json
try before "$E" pv xen:0,costs=yes --json
try domains "$E" domains --json
# the kernel's own p2m; then one pfn of the device above RAM and one that nothing is known
# to lie at without identity, and three of its pages with entries that are wrong
S=$(cut -d' ' -f1 /proc/uptime)
try self "$E" pv p2m:self --json
echo "$S $(cut -d' ' -f1 /proc/uptime)" >/h/out/selftime.txt
BAR=$(awk 'length($1) == 18 && $1 > "0x0000000100000000" && $3 ~ /[2-3]..$/ { print $1; exit }' /h/out/resources.txt)
echo $((BAR / 4096 + 1)) >/h/out/pfn.txt
insmod /h/setp2m.ko missing=$((BAR / 4096 + 1)),$((0x150000)) own=1 2>/h/out/insmod.err
try taken "$E" pv p2m:self --json
try explain "$E" explain p2m:self $((BAR / 4096 + 1))
try selfaudit "$E" audit p2m:self --json
try take "$E" capture take p2m:self -o /h/out/self.emt
try takenxen "$E" pv xen:0,costs=yes --json
rmmod setp2m
try given "$E" pv p2m:self --json
dmesg | grep setp2m >/h/out/dmesg.txt
echo 409600 >/sys/devices/system/xen_memory/xen_memory0/target_kb
settled
try after "$E" pv xen:0,costs=yes --json
try domainsafter "$E" domains --json
echo 458752 >/sys/devices/system/xen_memory/xen_memory0/target_kb
settled
try again "$E" pv xen:0,costs=yes --json
try text "$E" pv xen:0,costs=yes
