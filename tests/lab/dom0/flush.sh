# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: a guest with a device, read by the query payload
# before and after it is changed, by emtctl and by emtd.
try load $E query load -y --json
insmod /lib/modules/xen-pciback.ko
dev=$(edu 2)
xl pci-assignable-add "$dev" || lab_say FAILED "$dev cannot be assigned"
id=$(/h/labdom full "$(bar "$dev")" 10 "$(sbdf "$dev")" 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
echo "$id" >/h/domain.txt
try alone $E observe "$id" --json
try first $E observe "$id" --since /tmp/kept.emt --json
cp /tmp/kept.emt /tmp/before.emt
mkdir -p /run/emtd
cat >/tmp/emtd.conf <<END
emtctl = $E
watch = xen:$id
watch_interval = 2
watch_budget = 100
walks = /tmp/walks
END
/tmp/emt/emtd -c /tmp/emtd.conf 2>/h/out/emtd.log &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -S /run/emtd/read.sock ] && break
	sleep 1
done
try complete $E wait 'complete and audits >= 1' --timeout 30s
ls -l /tmp/walks >/h/out/walks.before
/h/labdom change "$id" "$(bar "$dev")" >/dev/null 2>/h/error.txt || lab_say FAILED "labdom: $(cat /h/error.txt)"
try later $E wait 'complete and audits >= 6' --timeout 60s
try second $E observe "$id" --since /tmp/kept.emt --json
try diff $E diff /tmp/before.emt /tmp/kept.emt --json
try watch $E watch --timeout 1s --ndjson
kill -TERM $daemon
wait $daemon
try unload $E query unload
lab_say DONE
