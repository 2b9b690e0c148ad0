# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# The first part of each job: emtctl, and a guest that does what it is told.
E=/h/emt/emtctl
chmod +x $E /h/kvmguest
try() {
	name=$1
	shift
	"$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null
	echo $? >"/h/out/$name.rc"
}
grep -E 'System RAM|Reserved|PCI' /proc/iomem >/h/out/iomem.out
cat /proc/version >/h/out/version.out
grep -m 1 flags /proc/cpuinfo >/h/out/cpu.out
mkfifo /tmp/in
: >/tmp/answers
# the network card's registers, the screen's memory
nic='' vga=''
for d in /sys/bus/pci/devices/*; do
	echo "$d $(cat "$d/class") $(head -n 1 "$d/resource")" >>/h/out/pci.out
	case $(cat "$d/class") in
	0x020000) [ -e "$d/resource0" ] && nic=$d/resource0 ;;
	0x030000) [ -e "$d/resource0_wc" ] && vga=$d/resource0_wc ;;
	esac
done
lab_say DEVICES "$nic" "$vga"
# shellcheck disable=SC2086
/h/kvmguest $nic $vga </tmp/in >/tmp/answers 2>/h/out/guest.err &
pid=$!
exec 7>/tmp/in
answers=0
# the guest's answer to one command
say() {
	echo "$*" >&7
	answers=$((answers + 1))
	for _ in $(seq 600); do
		[ "$(grep -cE '^(OK|FAILED)' /tmp/answers)" -ge $answers ] && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	echo "$* -> $(tail -n 1 /tmp/answers)" >>/h/out/steps.out
	kill -0 $pid 2>/dev/null || lab_say FAILED the guest ended: "$(cat /h/out/guest.err)"
}
step() {
	try "$1" "$E" capture take "kvm:$pid" -o "/h/out/$1.emt"
	try "audit-$1" "$E" audit "/h/out/$1.emt" --all --json
	lab_say STEP "$1" "$(cut -d' ' -f1 /proc/uptime)"
}
