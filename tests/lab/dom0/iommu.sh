# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind pci.sh: a guest with a device and one beside it; then the
# device writes where the machine's owner says.
insmod /lib/modules/xen-pciback.ko
dev=$(edu 2)
xl pci-assignable-add "$dev" || lab_say FAILED "$dev cannot be assigned"
for args in "full $(bar "$dev") 10 $(sbdf "$dev")" "full $(bar "$(edu 1)") 100 0"; do
	# shellcheck disable=SC2086
	id=$(/h/labdom $args 2>/h/error.txt) || lab_say FAILED "labdom $args: $(cat /h/error.txt)"
	echo "$id $args" >>/h/domains.txt
done
mkdir -p /h/keys
lab_key o keys/o.txt
lab_key v keys/v.txt
echo "$dev" >/h/device.txt
lab_say BUILT
lab_wait
# the pattern, then every address of prime.txt: their translations are cached from now on
# shellcheck disable=SC2046
/h/edudma "$dev" in $(cat /h/pattern.txt) >/h/dma-in.txt 2>&1 || lab_say FAILED "edudma: $(cat /h/dma-in.txt)"
# shellcheck disable=SC2046
/h/edudma "$dev" out $(cat /h/prime.txt) >/h/dma-prime.txt 2>&1
lab_say PRIMED
lab_wait
# shellcheck disable=SC2046
/h/edudma "$dev" out $(cat /h/targets.txt) >/h/dma-out.txt 2>&1
lab_say WRITTEN
lab_wait
