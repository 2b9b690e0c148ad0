#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# flush: what a change asks of the IOMMU. The rules themselves are in test_flush.c.

load helper

teardown() {
	stop_emtd
}

@test "a table replaced by an empty entry: missed before 4.5.2" {
	emt flush table none --json
	status_is 1
	jq_is '[.data.changes[] | select(.paging == "ept")] | length == 2 and all(.verdict == "ok")'
	jq_is '[.data.changes[] | select(.paging == "npt" and .verdict == "missed") | .releases] ==
		["4.4.4 to before 4.5.0", "before 4.4.4", "4.4.4 to before 4.5.0"]'
	jq_is '.data.changes[] | select(.paging == "npt" and .tables == "separate" and .releases == "4.5.2 and later") |
		.verdict == "ok" and .does_tables == "unmap" and .does_flush == "yes"'
	jq_is '.data.defects == []'
}

@test "one release: what it does, why, by what it was fixed, and its known misses" {
	emt flush ram_rw ram_ro --release 4.5.1 --paging ept --shared no
	status_is 1
	has "$output" "ept, separate tables, Xen 4.5.1: missed"
	has "$output" "devices rw -> r-; right: map, flush; done: nothing"
	has "$output" "fixed by 6c0e4ad608, in 4.5.2, 4.6.0"
	has "$output" "XSA-328"
	lacks "$output" "XSA-321" # needs shared tables
	emt flush ram_rw ram_ro --release "4.17.7 (Debian 4.17.7+13-1)" --paging ept
	status_is 0
	lacks "$output" missed
}

@test "frames, access, read-only frames and parts of superpages count" {
	emt flush ram_rw@0x10 ram_rw@16 -r 4.17.7 --paging ept --shared yes --json
	status_is 0
	jq_is '.data.changes[0].change == "same"'
	emt flush ram_rw@0x10 ram_rw@0x20 -r 4.17.7 --paging ept --shared yes --json
	status_is 0
	jq_is '.data.changes[0] | .change == "frame" and .does_flush == "yes"'
	emt flush ram_rw ram_rw:r -r 4.17.7 --paging ept --json
	status_is 1
	jq_is '[.data.changes[] | .change == "access"] | all'
	jq_is '[.data.changes[] | {(.tables): .verdict}] | add == {"separate": "ok", "shared": "missed"}'
	jq_is '.data.changes[] | .fixed_by == null' # open
	emt flush mmio_direct@0xf0000 mmio_direct@0xf0000,ro -r 4.17.7 --paging npt --shared no --json
	status_is 0
	jq_is '.data.changes[0] | .change == "permissions" and .before == "rw" and .after == "r-" and .does_tables == "map"'
	emt flush ram_rw@0x200,part mmio_dm -r 4.17.7 --paging npt --shared no --json
	jq_is '.data.changes[0] | .change == "removed" and .verdict == "ok"'
	emt flush mmio_direct mmio_direct:r -r 4.15.0 --paging npt --shared no --json
	jq_is '.data.changes[0].change == "same"' # before XSA-378
	emt flush mmio_direct mmio_direct:r -r 4.15.1 --paging npt --shared no --json
	jq_is '.data.changes[0].change == "permissions"'
}

@test "what cannot be read is said" {
	for bad in "ram" "ram_rw:q" "ram_rw@zz" "ram_rw,x" "" ","; do
		emt flush "$bad" none
		status_is 2
		has "$stderr" "ram_rw@0x1000"
	done
	emt flush none none --release "kvm 6.1"
	status_is 2
	has "$stderr" "release of Xen"
	emt flush none none --paging pv
	status_is 2
}

# Two captures of one domain: a page becomes read-only, one goes, one comes.
two_walks() {
	cat >a.txt <<-'END'
		(XEN) domain1 EPT p2m table:
		(XEN) gfn:             0 order:  0 mfn:         10000 rwx WB 
		(XEN) gfn:             1 order:  0 mfn:         10001 rwx WB 
		(XEN) gfn:             2 order:  0 mfn:         10002 rwx WB 
		(XEN) gfn:             3 order:  0 mfn:         10003 rwx WB 
	END
	sed -e 's/10001 rwx/10001 r x/' -e '/10002/d' a.txt >b.txt
	echo "(XEN) gfn:             9 order:  0 mfn:         10009 rwx WB " >>b.txt
	cat >facts.json <<-END
		{ "domain_iommu": true, "iommu_enabled": true, "iommu_shared": $1, "pci_devices": 1,
		  "types": [["0x0", "0x0", 0], ["0x2", "0x9", 0]] }
	END
	for w in a b; do
		"$EMTCTL" import $w.txt -f facts.json --domain 1 --release "$2" -o $w.emt >/dev/null 2>&1 || [ $? = 3 ]
	done
}

@test "diff: what changed between two captures is judged by the flush rules" {
	cd "$BATS_TEST_TMPDIR"
	two_walks true 4.17.7
	emt diff a.emt b.emt --json
	status_is 1
	jq_is '.data.domains[0].flushes == "judged"'
	jq_is '[.data.flushes[].pages] | add == 3'
	jq_is '.data.flushes[] | select(.change == "removed") | .verdict == "ok" and .first_gfn == 2 and .evidence == "rule"'
	jq_is '.data.flushes[] | select(.change == "log-dirty") | .verdict == "by-design" and (.certain | not)'
	jq_is '[.data.flushes[] | select(.finding != null)] == []'
	two_walks false 4.4.4
	emt diff a.emt b.emt --json
	jq_is '[.data.flushes[] | select(.finding != null)] == []'
	# types that facts state make it certain
	two_walks false 4.5.1
	for w in 'a ["0x1", "0x1", 0]' 'b ["0x1", "0x1", 3]'; do
		sed -i "s/\"types\": .*/\"types\": [[\"0x0\", \"0x0\", 0], ${w#* }, [\"0x2\", \"0x9\", 0]] }/" facts.json
		"$EMTCTL" import "${w%% *}.txt" -f facts.json --domain 1 --release 4.5.1 -o "${w%% *}.emt" >/dev/null 2>&1 || [ $? = 3 ]
	done
	emt diff a.emt b.emt --json
	jq_is '.data.flushes[] | select(.finding == "flush-missed") | .certain and .severity == "error" and .first_gfn == 1 and
		.change == "permissions" and .facts == []'
	# no IOMMU, no question
	emt diff "$CAPTURES/situations/B-mmio/D04-reevaluated.emt" "$CAPTURES/situations/B-mmio/D05-revoked-touched.emt" --json
	jq_is '.data.flushes == [] and .data.domains[0].flushes != "judged"'
}

# A page of one domain becomes read-only, which 4.5.1 does not tell the IOMMU.
two_permissions() { # RELEASE
	cat >a.txt <<-'END'
		(XEN) domain1 EPT p2m table:
		(XEN) gfn:             0 order:  0 mfn:         10000 rwx WB 
		(XEN) gfn:             1 order:  0 mfn:         10001 rw  WB!
	END
	sed -e 's/10001 rw /10001 r  /' a.txt >b.txt
	echo '{ "domain_iommu": true, "iommu_enabled": true, "iommu_shared": false, "pci_devices": 1 }' >facts.json
	for w in a b; do
		"$EMTCTL" import $w.txt -f facts.json --domain 1 --release "$1" -o $w.emt >/dev/null 2>&1 || [ $? = 3 ]
	done
}

@test "observe --since: changes since the walk that was kept, each told once" {
	cd "$BATS_TEST_TMPDIR"
	two_permissions 4.5.1
	missed() { jq -c '[.data.findings[] | select(.kind == "flush-missed")]' <<<"$output"; }
	emt observe a.emt --since kept.emt --json
	status_is 0
	has "$stderr" "from the next time on"
	[ "$(missed)" = "[]" ]
	emt observe b.emt --since kept.emt --json
	status_is 0
	[ "$(missed | jq length)" = 1 ]
	jq_is '.data.findings[] | select(.kind == "flush-missed") | .first_gfn == 1 and .entries == 1 and .change == "permissions" and
		.verdict == null and .fixed_by == "6c0e4ad608" and .severity == "warning" and (.explanation | test("rule"))'
	emt observe b.emt --since kept.emt --json # the same again
	[ "$(missed)" = "[]" ]
	# a walk that is cut is neither compared nor kept
	size=$(stat -c %s a.emt)
	head -c $((size / 2)) a.emt >cut.emt
	cp kept.emt before.emt
	emt observe cut.emt --salvage --since kept.emt --json
	[ "$status" = 3 ] || [ "$status" = 2 ]
	cmp kept.emt before.emt
	[ ! -e kept.emt.next ]
	# a kept walk that is damaged is said, and begun anew
	head -c 100 before.emt >kept.emt
	emt observe a.emt --since kept.emt --json
	status_is 0
	has "$stderr" "begun anew"
	[ "$(missed)" = "[]" ]
	# a release that does it right, and a domain without an IOMMU, of which nothing is kept
	two_permissions 4.17.7
	emt observe a.emt --since kept.emt --json
	emt observe b.emt --since kept.emt --json
	[ "$(missed)" = "[]" ]
	emt observe "$GUEST" --since kept.emt
	status_is 0
	[ ! -e kept.emt ]
	emt observe a.emt --since nosuch/kept.emt
	status_is 2
}

@test "observe --since: entries without memory types are judged by what changes alone" {
	cd "$BATS_TEST_TMPDIR"
	two_walks true 4.4.0
	sed -i 's/{ "domain_iommu"/{ "paging": "npt", "domain_iommu"/' facts.json
	for w in a b; do
		"$EMTCTL" import $w.txt -f facts.json --domain 1 --release 4.4.0 -o $w.emt >/dev/null 2>&1 || [ $? = 3 ]
	done
	emt observe a.emt
	status_is 2 # nothing to judge without what was before
	has "$stderr" "only EPT entries carry a memory type"
	emt observe a.emt --since kept.emt --json
	status_is 0
	has "$stderr" "only what changes is judged"
	jq_is '.data.domains[0] | .paging == "npt" and .entries == 4 and .bytes == 16384 and .verdicts == [] and .complete'
	jq_is '.data.findings == [] and .data.observation.domains == 1 and (.data.facts | length) > 3'
	# AMD before 4.5, shared: what goes stays reachable
	emt observe b.emt --since kept.emt --json
	status_is 0
	jq_is '.data.findings | map(select(.first_gfn == 2)) | length == 1 and .[0].kind == "flush-missed" and
		.[0].change == "removed" and .[0].severity == "critical"'
	# since 4.5 its tables are not shared, and nothing is missed
	rm kept.emt
	emt observe a.emt --since kept.emt --release 4.17.7 --json
	emt observe b.emt --since kept.emt --release 4.17.7 --json
	status_is 0
	jq_is '.data.findings == []'
	# without an IOMMU there is nothing to judge
	sed -i 's/"domain_iommu": true/"domain_iommu": false/' facts.json
	"$EMTCTL" import a.txt -f facts.json --domain 1 --release 4.4.0 -o a.emt >/dev/null 2>&1 || [ $? = 3 ]
	emt observe a.emt --since kept.emt
	status_is 2
}

@test "emtd: a flush missed between two audits is a finding: stream, history, hook, and an end" {
	cd "$BATS_TEST_TMPDIR"
	two_permissions 4.5.1
	cp a.emt guest.emt
	mkdir walks
	touch walks/walk-0123456789abcdef.emt walks/mine.txt
	printf '#!/bin/sh\ncat >>%s/hook.out\n' "$PWD" >hook
	chmod +x hook
	start_emtd "watch = $PWD/guest.emt" "watch_interval = 3600" "findings_log = yes" "history = $PWD/h.db" \
		"walks = $PWD/walks" "flush_open = 3" "watch_budget = 100" "hook = $PWD/hook" "hook_severity = info"
	emt wait 'audits >= 1' --timeout 10s
	status_is 0
	[ "$(find walks -name 'walk-*' | wc -l)" = 1 ] # not that of another source
	[ -e walks/mine.txt ]
	cp b.emt next.tmp && mv next.tmp guest.emt
	emt wait 'audits >= 2' --timeout 10s
	until_true grep -q flush-missed emtd.out
	emt history --json
	jq_is '[.data.findings[] | select(.kind == "flush-missed" and .cleared == null)] | length == 1'
	until_true grep -q flush-missed hook.out
	# looked at again it stays open, until its time is over
	touch guest.emt
	cp b.emt next.tmp && mv next.tmp guest.emt
	emt wait 'audits >= 3' --timeout 10s
	[ "$(jq -r 'select(.kind == "flush-missed") | .event' emtd.out | sort | uniq -c | awk '{ print $2 $1 }')" = new1 ]
	emt history --json
	jq_is '[.data.findings[] | select(.kind == "flush-missed" and .cleared == null)] | length == 1'
	sleep 3.1
	cp b.emt next.tmp && mv next.tmp guest.emt
	until_true grep -q '"cleared".*flush-missed' emtd.out
	emt history --json
	jq_is '[.data.findings[] | select(.kind == "flush-missed" and .cleared != null)] | length == 1'
	# no longer watched: nothing stays
	sed -i '/^watch = /d' emtd.conf
	kill -HUP "$daemon"
	until_true eval '! ls walks/walk-* 2>/dev/null'
	[ -e walks/mine.txt ]
}
