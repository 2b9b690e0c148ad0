# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: a disk behind the IOMMU in strict and in lazy mode, and unmaps without
# their flush, watched.
b=/bin/busybox
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk iommufault; do
	[ ! -e /lib/modules/$m.ko ] || insmod /lib/modules/$m.ko || lab_say FAILED "insmod $m"
done
for _ in $(seq 100); do
	[ -b /dev/vda ] && break
	sleep 0.1
done
disk=$($b readlink -f /sys/block/vda/device/..)
type=/sys/kernel/iommu_groups/$($b basename "$($b readlink -f "$disk/iommu_group")")/type
lab_say DISK "$disk" "$(cat "$type")"

# Watch while something is done: watch NAME ARGUMENTS...; then done_watching.
watch() {
	name=$1
	shift
	$E iommu watch "$@" >"/h/out/$name.out" 2>"/h/out/$name.err" </dev/null &
	watcher=$!
	for _ in $(seq 300); do
		grep -q 'watching by' "/h/out/$name.err" && return
		kill -0 $watcher 2>/dev/null || return
		sleep 0.1
	done
}
done_watching() {
	kill -INT $watcher 2>/dev/null
	wait $watcher
	echo $? >"/h/out/$name.rc"
	lab_say "$name" "$(cut -d' ' -f1 /proc/uptime)"
}
read_disk() {
	$b dd if=/dev/vda of=/dev/null bs=64k count=64 iflag=direct 2>>/h/out/dd.err
}

cat "$type" >/h/out/type-strict.out
watch strict --window 50ms --all --json
read_disk
done_watching
echo DMA-FQ >"$type" 2>/h/out/type.err
cat "$type" >/h/out/type-lazy.out
watch lazy --window 1ms --json
read_disk
sleep 1
read_disk
done_watching
watch text --window 1ms --limit 3
read_disk
sleep 1
done_watching
watch fault --window 5ms --all --json
for what in good late missed reused good; do
	echo $what >/dev/iommufault || lab_say FAILED "iommufault $what"
done
sleep 2
done_watching
watch kprobe --by kprobe --window 50ms --all --json
echo good >/dev/iommufault
echo missed >/dev/iommufault
sleep 2
done_watching
# more than the ring holds, while nobody reads it
watch lost --window 50ms --json
kill -STOP $watcher
for _ in $(seq 18); do
	$b dd if=/dev/vda of=/dev/null bs=64k count=256 iflag=direct 2>>/h/out/dd.err
done
kill -CONT $watcher
sleep 2
done_watching
# the process's memory is write-protected, to see what is written: KVM's tables lose it
watch kvm --json
say touch 0x10000000 2048
echo 4 >"/proc/$pid/clear_refs" || lab_say FAILED clear_refs
sleep 1
done_watching
dmesg >/h/out/dmesg.out
