#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154
# Lines from -c, files and standard input; expect; time limits.

load helper
load big

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$GUEST" guest.emt
}

@test "-c runs lines one after the other, in one session" {
	emt -c 'use guest.emt' -c 'set release 4.14.0' -c 'expect findings 1+ --kind mismatch' -c 'echo "a  b" c'
	status_is 0
	has "$output" "met: findings of mismatch"
	has "$output" "a  b c"
}

@test "a script: comments, continuation lines, arguments, a shebang" {
	cat >s.emt <<-END
		#!$EMTCTL -f
		# a comment
		use \$1   # and one behind a line
		expect verdict \\
		   ok 0x200
		echo '\$1' "\$1" \$#
	END
	chmod +x s.emt
	run --separate-stderr timeout 60 ./s.emt guest.emt two
	status_is 0
	has "$output" "met: verdict of 0x200"
	has "$output" '$1 guest.emt 2'
	emt -f s.emt
	status_is 2
	has "$stderr" "s.emt:3: line: the script was not given this argument"
}

@test "an error on line 3 names file and line, shows the place, and ends the script" {
	printf 'echo one\n\nshow guest.emt --sort foo\necho two\n' >s.emt
	emt -f s.emt
	status_is 2
	[ "$output" = one ]
	[ "${stderr_lines[0]}" = 'emtctl: s.emt:3: --sort: "foo" is no column' ]
	[ "${stderr_lines[1]}" = '  show guest.emt --sort foo' ]
	[ "${stderr_lines[2]}" = '                        ^' ]
	emt -k -f s.emt
	status_is 2
	[ "$output" = $'one\ntwo' ]
}

@test "the caret finds the place in a quoted condition of a later physical line" {
	printf "show guest.emt \\\\\n  --where 'gfn == 1 && foo > 2'\n" >s.emt
	emt -f s.emt
	status_is 2
	has "${stderr_lines[0]}" "s.emt:2: "
	[ "${stderr_lines[1]}" = "    --where 'gfn == 1 && foo > 2'" ]
	[ "${stderr_lines[2]}" = "                         ^" ]
}

@test "an open quote, a folder, no file and a capture are no scripts" {
	printf "echo 'open\n" >s.emt
	emt -f s.emt
	status_is 2
	has "$stderr" "s.emt:1"
	has "$stderr" "a quote is left open"
	emt -f .
	status_is 2
	emt -f nothing
	status_is 2
	has "$stderr" "nothing"
	emt -f guest.emt
	status_is 2
	has "$stderr" "this is not text"
}

@test "standard input is a script; redirections go to files and commands" {
	run --separate-stderr timeout 60 "$EMTCTL" <<-'END'
		echo one > out.txt
		echo two >> out.txt
		echo three | tr a-z A-Z
	END
	status_is 0
	[ "$output" = THREE ]
	[ "$(cat out.txt)" = $'one\ntwo' ]
}

@test "what redirections lack is said with a caret" {
	emt -c 'echo a >'
	status_is 2
	has "$stderr" "no file name follows"
	emt -c 'show guest.emt --where a || b'
	status_is 2
	has "$stderr" "quote a condition"
	emt -c 'echo a > /nonexistent/x'
	status_is 2
	has "$stderr" "/nonexistent/x"
}

@test "expect: met, not met, undecided, and in JSON" {
	emt expect findings 0 guest.emt
	status_is 0
	emt expect findings 1+ guest.emt --release 4.14.0 --kind mismatch --json
	status_is 0
	jq_is '.data.expectation.outcome == "met"'
	emt expect findings 0 guest.emt --release 4.14.0 --json
	status_is 1
	jq_is '.data.expectation.outcome == "not_met" and .exit_status == 1'
	emt expect verdict ok 0x200 guest.emt --json
	status_is 0
	emt expect verdict mismatch 0x200-0x210 guest.emt
	status_is 1
	has "$output" "got ok at 0x200"
	emt expect count 3 show guest.emt --limit 3 --json
	status_is 0
	emt expect count 4-9 show guest.emt --limit 3
	status_is 1
	emt expect status 2 audit /nonexistent --json
	status_is 0
	emt expect status 0 audit /nonexistent
	status_is 1
	make_big 10 undetermined.emt
	emt expect findings 0 undetermined.emt
	status_is 3
	has "$output" "undecided"
}

@test "expect: a script ends where it is not met, with the line" {
	printf 'use guest.emt\nexpect findings 5\necho not-reached\n' >s.emt
	emt -f s.emt
	status_is 1
	lacks "$output" not-reached
	has "$stderr" "s.emt:2: not as expected"
	emt expect findings five guest.emt
	status_is 2
	has "$stderr" "is no count"
	emt expect verdict fine 0 guest.emt
	status_is 2
	has "$stderr" "valid here:"
}

@test "the gravest exit status of a script counts: error, findings, incomplete" {
	emt -k -c 'audit guest.emt --release 4.14.0' -c 'echo'
	status_is 1
	emt -k -c 'frob' -c 'audit guest.emt --release 4.14.0'
	status_is 2
}

@test "use, set and echo in JSON; what cannot be set is said" {
	emt -c 'use guest.emt --json'
	status_is 0
	jq_is '.data.session_source.source == "guest.emt"'
	emt -c 'set limit 1' -c 'set limit --json'
	jq_is '.data.defaults[0].value == "1"'
	emt echo a b --json
	jq_is '.data.echo.text == "a b"'
	emt -c 'set frob 1'
	status_is 2
	has "$stderr" "valid here: format"
	emt -c 'set fail-on bad'
	status_is 2
	emt -c 'use guest.emt 77'
	status_is 2
}

@test "defaults of a session hold where they fit, and a command's own source wins" {
	emt -c 'set columns gfn,order' -c 'use guest.emt' -c 'show 0x200 --json' -c 'audit'
	status_is 0
	cp "$RAW" other.emt
	emt -c 'use guest.emt > /dev/null' -c 'audit other.emt --json'
	jq_is '.source == "capture:other.emt"'
}

@test "--timeout ends a long walk: exit status 3, incomplete, and says so in JSON" {
	make_big 300000 big.emt
	emt show big.emt --split --ndjson --timeout 50ms
	status_is 3
	tail -n 1 <<<"$output" | jq -se '.[0] | .record == "end" and .complete == false and .exit_status == 3' >/dev/null
	emt audit big.emt --timeout 1ms --json
	status_is 3
	jq_is '.complete == false and .error.code == "cancelled"'
	emt --timeout 100ms -c 'show big.emt --split --ndjson > /dev/null' -c 'echo not-reached'
	status_is 3
	lacks "$output" not-reached
}
