#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2001,SC2153
# The program itself: help, wrong words, exit status, where text goes.

load helper

@test "without words it lists the commands" {
	emt
	status_is 0
	has "$output" "audit"
	has "$output" "policy check"
}

@test "help describes each command, and --help is the same" {
	names=$("$EMTCTL" help --json 2>/dev/null | jq -r '.data.commands[].name')
	[ "$(wc -l <<<"$names")" -ge 13 ]
	while read -r name; do
		# shellcheck disable=SC2086 # two words are two words
		emt help $name
		status_is 0
		has "$output" "$name - "
		has "$output" "Examples"
		has "$output" "--where EXPR"
		first=$output
		# shellcheck disable=SC2086
		emt $name --help
		status_is 0
		[ "$output" = "$first" ]
	done <<<"$names"
}

@test "help of a first word lists what follows it" {
	emt help policy
	status_is 0
	has "$output" "policy compare"
	lacks "$output" "audit"
}

@test "help of nothing known is an error" {
	emt help frobnicate
	status_is 2
	has "$stderr" "no such command"
}

@test "version and --version say what is built in" {
	emt version
	status_is 0
	has "$output" "emtctl 0."
	has "$output" "+capture"
	first=$output
	emt --version
	status_is 0
	[ "$output" = "$first" ]
	emt version --json
	jq_is '.data.version.features | map(select(.name == "capture"))[0].present'
}

@test "an unknown command names the one that was meant" {
	emt adit x
	status_is 2
	[ -z "$output" ]
	has "$stderr" "is audit meant"
}

@test "an unknown command lists all when none is near" {
	emt frobnicate
	status_is 2
	has "$stderr" "commands: audit show explain"
}

@test "a first word alone lists what goes with it" {
	emt capture
	status_is 2
	has "$stderr" "valid here: show verify"
	emt policy frob
	status_is 2
	has "$stderr" "valid here: list show compare check"
}

@test "an unknown option lists those that are valid there" {
	emt capture verify x --frob
	status_is 2
	has "$stderr" "no such option of capture verify"
	has "$stderr" "--json"
	emt audit "$GUEST" --al
	status_is 2
	has "$stderr" "is --all meant"
}

@test "a missing argument shows the usage" {
	emt explain "$GUEST"
	status_is 2
	has "$stderr" "GFN is missing"
	has "$stderr" "usage: emtctl explain SOURCE GFN"
}

@test "bare hex is refused, and the message says what to write" {
	emt explain "$GUEST" f0000
	status_is 2
	has "$stderr" "bare hex"
	has "$stderr" "0xf0000"
}

@test "a wrong level, release, domain, number, enum say what is valid" {
	emt audit "$GUEST" --fail-on bad
	status_is 2
	has "$stderr" "info notice warning error critical"
	emt audit "$GUEST" --release Q
	status_is 2
	emt audit "$GUEST" --domain web1
	status_is 2
	has "$stderr" "xl list"
	emt show "$GUEST" --limit ten
	status_is 2
	has "$stderr" "no number"
	emt show "$GUEST" --color blue
	status_is 2
	has "$stderr" "auto always never"
}

@test "a bad filter shows the place with a caret" {
	emt show "$GUEST" --where 'gfn == 1 && foo > 2'
	status_is 2
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = 'emtctl: --where: "foo" is no column' ]
	[ "${stderr_lines[1]}" = '  gfn == 1 && foo > 2' ]
	[ "${stderr_lines[2]}" = '              ^' ]
	has "${stderr_lines[3]}" "columns: domain gfn"
}

@test "a bad column and a bad sort name the columns" {
	emt show "$GUEST" -o gfn,frob
	status_is 2
	has "$stderr" '"frob" is no column'
	has "$stderr" "last_gfn"
	emt show "$GUEST" --sort=-frob
	status_is 2
	has "$stderr" '"frob" is no column'
}

@test "no such file, a directory, an unreadable scheme" {
	emt audit /nonexistent/x.emt
	status_is 2
	has "$stderr" "/nonexistent/x.emt"
	emt audit "$CAPTURES"
	status_is 2
	emt audit nosuch:thing/x
	status_is 2
	[ -z "$output" ]
}

@test "a file that is no capture, an empty file" {
	echo "this is no capture, whatever it is named" >"$BATS_TEST_TMPDIR/garbage.emt"
	emt audit "$BATS_TEST_TMPDIR/garbage.emt"
	status_is 2
	has "$stderr" "garbage.emt"
	: >"$BATS_TEST_TMPDIR/empty.emt"
	emt audit "$BATS_TEST_TMPDIR/empty.emt"
	status_is 2
	has "$stderr" "empty.emt"
}

@test "errors are JSON too when JSON was asked for" {
	emt audit /nonexistent/x.emt --json
	json_error_is no_source
	jq_is '.schema == "emt.audit" and .error.subject != null'
	emt frobnicate --json
	json_error_is usage
	jq_is '.schema == "emt.error"'
	emt --json show "$GUEST" --where 'gfn =='
	json_error_is usage
	jq_is '.error.column == 7 and .error.line == 1 and .error.subject == "--where"'
	emt explain "$GUEST" f0000 --json
	json_error_is usage
}

@test "errors in NDJSON: a header, an end" {
	emt audit /nonexistent/x.emt --ndjson
	status_is 2
	[ "${#lines[@]}" = 2 ]
	[ "$(jq -r .record <<<"${lines[0]}")" = header ]
	[ "$(jq -r '.record + " " + .error.code' <<<"${lines[1]}")" = "end no_source" ]
}

@test "--json and --ndjson exclude each other" {
	emt audit "$GUEST" --json --ndjson
	status_is 2
	has "$stderr" "--ndjson"
}

@test "a full disk is an error" {
	for format in --color=auto --json --ndjson; do
		run -2 --separate-stderr timeout 60 bash -c '"$0" show "$1" --split "$2" >/dev/full' "$EMTCTL" "$GUEST" "$format"
		has "$stderr" "No space left"
	done
}

@test "a closed standard output is an error" {
	run -2 --separate-stderr timeout 60 bash -c '"$0" version >&-' "$EMTCTL"
	has "$stderr" "cannot write"
}

@test "a reader that had enough ends the command without noise" {
	run --separate-stderr timeout 60 bash -c '"$0" show "$1" --split --ndjson | head -n 1; exit "${PIPESTATUS[0]}"' \
		"$EMTCTL" "$CAPTURES/ept-linux/d-linux.emt"
	[ "${#lines[@]}" = 1 ]
	[ -z "$stderr" ]
	[ "$status" = 2 ] || [ "$status" = 0 ] # 0: all fitted into the pipe
}

@test "options may stand before the command, and -- ends them" {
	emt --json --limit 1 show "$GUEST"
	status_is 0
	jq_is '.data.runs | length == 1'
	cp "$GUEST" "$BATS_TEST_TMPDIR/-odd.emt"
	cd "$BATS_TEST_TMPDIR"
	emt capture show -- -odd.emt
	status_is 0
}

@test "no colour goes into a pipe, and --color=always brings it" {
	unset NO_COLOR
	TERM=xterm emt audit "$GUEST" --release 4.14.0
	lacks "$output" $'\033'
	TERM=xterm emt audit "$GUEST" --release 4.14.0 --color=always
	has "$output" $'\033[1;31merror'
	# The words stay: colour never carries the meaning alone.
	has "$(sed 's/\x1b\[[0-9;]*m//g' <<<"$output")" "error    mismatch"
}
