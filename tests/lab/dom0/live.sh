# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init: a guest on NPT with an assigned device, the debug keys as an
# administrator would press them, and emtctl at work beside it.
E=/tmp/emt/emtctl
cp -r /h/emt /tmp/emt
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/tmp/emt/lib
mkdir -p /h/out

# try NAME COMMAND...: out, err and status to files of that name
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}

dev=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device | sed -n '1s,.*/\(.*\)/device,\1,p')
bar=$(cut -d' ' -f1 "/sys/bus/pci/devices/$dev/resource" | head -n 1)
insmod /lib/modules/xen-pciback.ko
xl pci-assignable-add "$dev" || lab_say FAILED "no assignable $dev"
sbdf=$(echo "$dev" | tr ':.' '  ' | { read -r _ b d f; printf '%x\n' $((0x$b * 256 + 0x$d * 8 + 0x$f)); })
id=$(/h/labdom full "$bar" 10 "$sbdf" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
for k in D o q Q v M; do
	xl debug-keys $k
done
xl dmesg >/h/live.txt

try version $E version
try help $E help
try import-live $E import /h/live.txt -o /tmp/live.emt
# the same host's text beside a recorded dump of another, said to be NPT
try import-npt $E import /h/live.txt /h/emt/D.txt -f /h/emt/npt.json -o /tmp/npt.emt
try audit-npt $E audit /tmp/npt.emt
try audit-live $E audit "$id"
try audit-file $E audit --ndjson /tmp/emt/sample.emt
if grep -q '^  *doctor ' /h/out/help.out; then
	try doctor $E doctor
fi
