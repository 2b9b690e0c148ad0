# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: a guest taken through what changes its types; its EPT after each step.
touch_all() {
	say touch 0x2000 64
	say look 0x100000 8
	say touch 0x10000000 4 0x200000
	say touch 0x20000000 2048
	say touch 0xc0000000 64
	say look 0xd0000000
	say look 0xe0000000 4
	say touch 0xe1000000 4
}
bits=$(grep -m 1 -o '[0-9]* bits physical' /proc/cpuinfo | cut -d' ' -f1)
mask() { echo $(((1 << bits) - $1 | 0x800)); }

touch_all
lab_say TOUCHED "$(cut -d' ' -f1 /proc/uptime)"
try domains "$E" domains --json
lab_say LISTED "$(cut -d' ' -f1 /proc/uptime)"
try facts "$E" facts "kvm:$pid" --json
step coherent
try whatif "$E" whatif "kvm:$pid" --release kvm-memslot --slot-noncoherent 0x20000-0x200ff --json
# guest MTRRs: RAM WB, 0x10000-0x1ffff WT, frame buffer WC, half of a 2 MiB page WT
say msr 0x250 0x0606060606060406
for i in 0x258 0x259 0x268 0x269 0x26a 0x26b 0x26c 0x26d 0x26e 0x26f; do
	say msr $i 0x0606060606060606
done
say msr 0x200 0xc0000001
say msr 0x201 "$(mask 0x100000)"
say msr 0x202 0x10000004
say msr 0x203 "$(mask 0x100000)"
say msr 0x2ff 0xc06
say touch 0x30000 4
step mtrr
say noncoherent on
step registered
say touch 0x34000 4
say touch 0xc0050000 4
step after
# a change of MTRRs while it counts makes KVM write them anew
say msr 0x2ff 0
say msr 0x2ff 0xc06
touch_all
step honoured
try upgrade "$E" upgrade-check 'kvm 6.1' 'kvm 6.12' "kvm:$pid" --json
# KVM's own answers while it writes them anew, and for memory never touched before
(try crosscheck "$E" crosscheck "kvm:$pid" --for 60s --save /h/out/calls.txt --json) &
cross=$!
sleep 35
say msr 0x2ff 0
say msr 0x2ff 0xc06
touch_all
say touch 0x20800000 4096
wait $cross
lab_say CROSSCHECKED "$(cut -d' ' -f1 /proc/uptime)"
say cd 1
touch_all
say touch 0x38000 4
step cd
say cd 0
touch_all
say noncoherent off
step unregistered
touch_all
step last
try live "$E" audit "kvm:$pid" --json
