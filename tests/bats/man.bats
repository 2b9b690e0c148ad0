#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# The manual: clean mdoc, whole with respect to the tables, and every example runs.

load helper

MAN=$BUILD/man

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	stop_emtd
}

# A page as text, without overstriking.
page() {
	mandoc -Tutf8 -O width=1000 "$MAN/$1" | col -bx
}

# Command lines of all literal displays of a page.
examples() {
	awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$MAN/$1" |
		sed -e 's/\\-/-/g' -e 's/\\e/\\/g' -e 's/\\&//g' | grep '^emtctl ' || true
}

@test "all pages are there" {
	for p in emtctl.1 emt-capture.5 emt-json.5 emt-policy.7 emtd.8; do
		[ -s "$MAN/$p" ]
	done
	# No part was left unfilled.
	run ! grep -n '^@' "$MAN"/*.[1-8]
}

@test "mandoc has nothing to say about them" {
	for p in "$MAN"/*.[1-8]; do
		# Whether pages referred to are installed here is no matter of the page.
		out=$(mandoc -Tlint "$p" | grep -vE 'referenced manual not found|outdated mandoc.db' || true)
		[ -z "$out" ] || {
			echo "$out" >&2
			return 1
		}
	done
}

@test "emtctl(1) has every command, argument and option of the table" {
	page emtctl.1 >text
	"$EMTCTL" help --json 2>/dev/null >help.json
	jq -r '.data.commands[] | .name' help.json >names
	grep -qF -- "-k, --keep-going" text
	while read -r name; do
		grep -qE "^ +emtctl $name( |\$)" text # synopsis
		grep -qE "^ {5}$name( |\$)" text      # its own paragraph
	done <names
	jq -r '.data.commands[].args[] | if .positional then .synopsis else "--" + .name end' help.json | sort -u >want
	while read -r word; do
		grep -qF -- "$word" text
	done <want
	[ "$(wc -l <want)" -gt 20 ]
	jq -r '.data.commands[].args[].values[]' help.json | sort -u | while read -r word; do
		grep -qF -- "$word" text
	done
}

@test "emt-json(5) has every schema, kind of record, column and word" {
	page emt-json.5 >text
	"$EMTCTL" schema --json | jq -r '.data.schemas[] | .schema' >names
	while read -r name; do
		grep -qF "$name" text
		"$EMTCTL" schema "$name" >one.json
		jq -r '.definitions | keys[] | select(test("^(tool|error|header|end|line)$|^line[.]") | not)' one.json >kinds
		while read -r kind; do
			grep -qxE " {3}$kind" text
			sed -n "/^ \{3\}$kind\$/,/^ \{3\}[a-z]/p" text >part
			jq -r --arg k "$kind" '.definitions[$k].properties | keys[]' one.json >columns
			while read -r column; do
				grep -qE "^ +$column( |\$)" part
			done <columns
			jq -r --arg k "$kind" '.definitions[$k].properties[].enum // [] | .[] | select(. != null)' one.json >words
			while read -r word; do
				grep -qF -- "$word" part
			done <words
		done <kinds
	done <names
	"$EMTCTL" schema emt.error | jq -r '.definitions.error.properties.code.enum[]' | while read -r code; do
		grep -qw "$code" text
	done
}

@test "emtd(8) has every key of the configuration and every option" {
	page emtd.8 >text
	while read -r key; do
		grep -qE "^ +$key\b" text
	done < <(sed -n 's/^#\([a-z_]*\) =.*/\1/p' "$ROOT/daemon/emtd.conf")
	for option in $("$BUILD/emtd" --help | grep -oE -- '--[a-z-]+'); do
		grep -qF -- "$option" text
	done
	# the example configuration is the defaults, and is read
	sed 's/^#\([a-z_]* =\)/\1/' "$ROOT/daemon/emtd.conf" >all.conf
	"$BUILD/emtd" -c all.conf --emtctl "$EMTCTL" --check
	[ "$(grep -c = all.conf)" = "$(grep -c '^#[a-z_]* =' "$ROOT/daemon/emtd.conf")" ]
}

@test "emt-policy(7) has every release's rules in order, every defect and every verdict" {
	page emt-policy.7 >text
	"$EMTCTL" policy list --json | jq -r '.data.rulesets[] | [.hypervisor, .releases, .rules] | @tsv' >sets
	[ "$(wc -l <sets)" -ge 20 ]
	while IFS=$'\t' read -r hv releases rules; do
		[ "$hv" = xen ] && title="Xen $releases" || title="KVM of $releases"
		grep -qxF "   $title" text
		[ "$(awk -v t="   $title" '$0 == t { on = 1; next } /^ ? ? ?[A-Z]/ { on = 0 } on' text |
			grep -cE '^ +[0-9]+\. ')" = "$rules" ]
	done <sets
	# One list in full, word for word.
	"$EMTCTL" policy show 4.17.7 --json | jq -r '.data.rules[] | "\(.number). \(.text)."' >want
	title=$("$EMTCTL" policy show 4.17.7 --json | jq -r .data.release.releases)
	awk -v t="   Xen $title" '$0 == t { on = 1; next } /^ ? ? ?[A-Z]/ { on = 0 } on' text |
		sed -nE 's/^ +([0-9]+\.) +(.*)/\1 \2/p' | sed 's/  */ /g' >have
	diff want have
	for release in 4.1 4.4.0 4.14.0 4.17.7; do
		"$EMTCTL" policy show $release --json | jq -r '.data.defects[] | .id, .title, .harm' >want
		while read -r line; do
			grep -qF -- "$line" text
		done <want
	done
	"$EMTCTL" schema show | jq -r '.definitions.run.properties.verdict.enum[] | select(. != null)' | while read -r verdict; do
		grep -qE "^ +$verdict( |\$)" text
	done
	"$EMTCTL" schema audit | jq -r '.definitions.finding.properties.reason.enum[] | select(. != null)' | grep -vx none |
		while read -r reason; do
			grep -qE "^ +$reason( |\$)" text
		done
	for q in Q1 Q2 Q3 Q4 Q5; do
		grep -qE "^ +$q " text
	done
}

# What the examples need, under the names they use.
scene() {
	mkdir -p scene/tests scene/bin
	cd scene || return
	fake_xen
	ln -s "$ROOT/tests/data" tests/data
	export PATH=$PWD/bin:$PATH
	cp "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" dmesg.txt
	cp dmesg.txt D.txt
	: >q.txt
	: >boot.txt
	cat >facts.json <<-'END'
		{
		  "pci_devices": 0, "domain_name": "web1",
		  "guest_mtrr": {"def_type": 6, "e": true, "fe": false, "vcnt": 1, "var": [["0xe0000000", "0xfffe0000800"]]}
		}
	END
	# Four generations, with findings, under a name.
	emtctl import D.txt D.txt D.txt D.txt -f facts.json --domain 1 --release 4.17.7 -o old.emt >/dev/null 2>&1 ||
		[ $? = 3 ]
	for name in a b monday tuesday; do
		cp old.emt "$name.emt"
	done
	# a daemon that watches what the examples call web1
	mkdir watched
	cp old.emt watched/old.emt
	cd watched || return
	start_emtd "watch = $PWD/old.emt" "history = $PWD/h.db" "allow_costs = yes"
	cd .. || return
	"$ROOT/tests/tools/iommu-image" machine.img
	"$BUILD/tests/tools/guest2emt" "$ROOT/tests/data/guest/facts.json" tables.emt
	"$BUILD/tests/tools/pvimage" pv.img
	"$BUILD/tests/tools/kvm2emt" "$ROOT"/tests/data/kvm/framebuffer.{json,txt} vm.emt example
	cp "$ROOT/tests/data/kvm/calls.txt" .
	xen_syms xen-syms
	device_tables
	cp "$ROOT/tests/data/journal.ndjson" .
	cat >mapped.ndjson <<-'END'
		{"record":"header","time":"2026-11-24T22:02:30Z"}
		{"record":"toolstack_event","time":"2026-11-24T22:02:35Z","event":"foreign-mapping","domain":1,"gfn":0,"mfn":16,"count":4,"pid":7,"command":"xl"}
		{"record":"watching","to":"2026-11-24T22:03:00Z","frames":4,"frames_lost":0}
	END
	head -c 30000 "$CAPTURES/ept-linux/d-linux.emt" >damaged.emt
}

@test "every example of the manual runs" {
	n=0
	for p in "$MAN"/*.[1-8]; do
		examples "${p##*/}" >>lines
	done
	sort -u lines >unique
	[ "$(wc -l <unique)" -gt 25 ]
	scene
	while read -r line; do
		cp -f old.emt guest.emt # an example may write it
		unset FAKEXEN_QUERY
		[[ ! $line =~ query\ (unload|measure) ]] || export FAKEXEN_QUERY=applied
		# it needs a host with an IOMMU, and is proven in the lab
		[[ ! $line =~ 'iommu watch' ]] || { "$EMTCTL" iommu watch --timeout 1ms >/dev/null 2>&1 || [ $? != 2 ] || continue; }
		run --separate-stderr timeout 60 bash -o pipefail -c "$line" </dev/null
		# 1 and 3 are answers; what cannot be answered is 2.
		[ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 3 ] || {
			printf 'exit status %s: %s\nout: %.500s\nerr: %.500s\n' "$status" "$line" "$output" "$stderr" >&2
			return 1
		}
		[ -n "$output" ] || [[ $line =~ --where|' -o '|' set ' ]] || {
			echo "says nothing: $line" >&2
			return 1
		}
		n=$((n + 1))
	done <../unique
	[ "$n" -gt 25 ]
}

@test "the example of facts in emt-capture(5) is accepted" {
	awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$MAN/emt-capture.5" |
		awk '/^{/ { on = 1 } on { print } /^}/ { on = 0 }' >"$BATS_TEST_TMPDIR/facts.json"
	jq -e . "$BATS_TEST_TMPDIR/facts.json"
	emt import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" -f facts.json -o out.emt
	[ "$status" = 0 ] || [ "$status" = 3 ]
	emt facts out.emt --json --where 'fact == "pins" || fact == "mmio_ro"'
	jq_is '(.data.facts | length) >= 2 and ([.data.facts[] | .held == "known" and .origin == "facts file"] | all)'
}
