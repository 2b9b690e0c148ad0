# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# In front of jobs that assign devices: the edu devices of the machine.
edu() { # the n-th edu device as PCI name
	grep -l 0x11e8 /sys/bus/pci/devices/*/device | sed -n "$1s,.*/\(.*\)/device,\1,p"
}
bar() { # machine address of its registers
	cut -d' ' -f1 "/sys/bus/pci/devices/$1/resource" | head -n 1
}
sbdf() { # 0000:00:04.0 -> 20
	echo "$1" | tr ':.' '  ' | { read -r _ b d f; printf '%x\n' $((0x$b * 256 + 0x$d * 8 + 0x$f)); }
}
