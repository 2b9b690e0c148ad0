# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: a guest on NPT with page tables of its own, and with none.
# While the machine stands still its memory is read from outside. Markers: MODE m, then the word.
bar=$(bar "$(edu 1)")
mfn=$(printf '%x' $((bar >> 12)))
xl create -p /h/steered.cfg >/h/create.txt 2>&1 || lab_say FAILED "xl create: $(tail -n 1 /h/create.txt)"
id=$(xl domid steered)
echo "$id $mfn" >/h/domain.txt
# QEMU's processor does not give back a PAT that a guest writes (g_pat of its VMCB): the tool
# stack sets it, as for a restored guest, and it stays
/h/steer "$id" place 0 0 f0000 place 1 0 f0010 iomem "$mfn" 10 1 iomem fec00 1 1 map f1000 "$mfn" 10 map f1100 fec00 1 \
	read 0 1fff 200 read f1100 f1100 1 pat 407050600070106 >/h/out/prepare.steer 2>&1 ||
	lab_say FAILED "prepare: $(tail -n 1 /h/out/prepare.steer)"
try without $E effective "$id,costs=yes" --json
$E query load -y >/h/out/load.txt 2>&1 || lab_say FAILED "query load: $(cat /h/out/load.txt)"
lab_key v keys/v.txt
for m in 0 2; do
	[ $m = 0 ] || /h/steer "$id" paging $m >/h/out/paging$m.steer 2>&1 ||
		lab_say FAILED "paging $m: $(tail -n 1 /h/out/paging$m.steer)"
	try eff$m $E effective "$id,costs=yes" --json
	try hvmctx$m xen-hvmctx "$id"
	if [ $m = 2 ]; then
		# the guest's other tables, which no vCPU has loaded: this emulated processor cannot run on them
		try eff1 $E effective "$id,costs=yes" --cr3 0x400000 --paging-mode 32bit --pat 0x407050600070106 --json
		try eff3 $E effective "$id,costs=yes" --cr3 0x405000 --paging-mode 4level --pat 0x407050600070106 --json
		try stated $E effective "$id,costs=yes" --cr3 0x402000 --paging-mode pae --pat 0x407050600070106 --json
		try alias $E alias "$id,costs=yes" --json
		try va $E explain "$id,costs=yes" --va 0x3009000 --json
		try take $E capture take "$id,costs=yes" --guest-tables -o /h/out/tables.emt --json
		try free $E effective "$id" --json
	fi
	lab_say MODE $m
	lab_wait
	[ $m = 0 ] || continue
	# caches off; the next step puts them on again
	/h/steer "$id" paging 4 >/h/out/paging4.steer 2>&1 || lab_say FAILED "paging 4: $(tail -n 1 /h/out/paging4.steer)"
	try cd $E effective "$id,costs=yes" --json
done
$E query unload >/h/out/unload.txt 2>&1
