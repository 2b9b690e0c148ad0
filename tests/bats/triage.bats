#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The three scripts for on call, on guests that are well and on guests that are not.

load helper

S=$CAPTURES/situations
SCRIPTS=$ROOT/cli/scripts

# Run a script with the source chosen, and perhaps a release.
triage() {
	local script=$1 source=$2
	shift 2
	{
		echo "use $source"
		[ $# = 0 ] || echo "set $*"
		grep -v '^#!' "$SCRIPTS/$script.emt"
	} >"$BATS_TEST_TMPDIR/$script.emt"
	emt -f "$BATS_TEST_TMPDIR/$script.emt"
}

@test "RAM of a clean guest is cached" {
	triage ram-cached "$S/B-mmio/D04-reevaluated.emt"
	status_is 0
	has "$output" "All RAM is cached"
}

@test "RAM made uncached by the guest's MTRRs is found" {
	triage ram-cached "$S/A-special/D05-deftype-uc-touched.emt"
	status_is 1
	has "$output" "UC"
	lacks "$output" "All RAM is cached"
	has "$stderr" "expect"
}

@test "special pages under the rules of 4.14.0 are found" {
	triage ram-cached "$GUEST" release 4.14.0
	status_is 1
	lacks "$output" "All RAM is cached"
}

@test "BARs are as they should be on 4.17.7, and not on 4.15.0" {
	triage bars "$S/B-mmio/D04-reevaluated.emt"
	status_is 0
	has "$output" "All passthrough regions can have write-combining"
	triage bars "$S/B-mmio/D04-reevaluated.emt" release 4.15.0
	status_is 1
	lacks "$output" "All passthrough regions"
}

@test "what changed since the walk before" {
	dump=$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt
	{ cat "$dump"; sed 's/ UC / WC /' "$dump"; } >"$BATS_TEST_TMPDIR/two.txt"
	"$EMTCTL" import "$BATS_TEST_TMPDIR/two.txt" --release 4.17.7 -o "$BATS_TEST_TMPDIR/two.emt" >/dev/null
	triage what-changed "$BATS_TEST_TMPDIR/two.emt"
	has "$output" "type UC -> WC"
	triage what-changed "$GUEST"
	status_is 2
	has "$stderr" "no two walks of one domain"
}

@test "scripts name themselves and parse line by line" {
	for s in what-changed ram-cached bars; do
		head -n 1 "$SCRIPTS/$s.emt" | grep -q '^#!/usr/bin/emtctl -f$'
		emt -c "use $S/B-mmio/D04-reevaluated.emt" -f "$SCRIPTS/$s.emt"
		lacks "$stderr" "is no command"
	done
}
