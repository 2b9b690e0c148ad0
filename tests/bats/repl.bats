#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154
# The REPL at a real terminal (expect): completion, history, Ctrl-C, redirections.

load helper
load big

setup() {
	command -v expect >/dev/null || skip "expect is missing: apt install expect"
	cd "$BATS_TEST_TMPDIR" || return
	cp "$GUEST" guest.emt
	export TERM=xterm HOME=$BATS_TEST_TMPDIR/home EMTCTL_PAGER=cat
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state EMTCTL
	unset EMTCTL_HISTFILE EMTCTL_HISTSIZE
	mkdir -p "$HOME"
}

# Keys and what they bring, as an expect script; what the terminal saw in $output.
# 'at P KEYS' waits for the text P, then types; a text that does not come fails.
drive() {
	{
		cat <<-'END'
			set timeout 8
			match_max 1000000
			proc see {text} { global wanted; set wanted $text; expect -ex $text }
			proc type {keys} { send -- $keys }
			set wanted start
			spawn -noecho env {*}$env(BEFORE) $env(EMTCTL)
			expect_before {
				timeout { puts "\nNOT SEEN: $wanted"; exit 9 }
				eof { if {$wanted ne "the end"} { puts "\nENDED BEFORE: $wanted"; exit 8 } }
			}
		END
		cat
		cat <<-'END'
			# at the prompt: elsewhere Ctrl-D would be lost
			sleep 0.5
			type "\004"
			set wanted "the end"
			expect eof
			exit [lindex [wait] 3]
		END
	} >keys.exp
	BEFORE=${BEFORE-} run timeout 60 expect -f keys.exp
}

# libedit draws what changed only: completions are seen by what the line then does.
@test "commands, options and values are completed" {
	drive <<-'END'
		see "emtctl> "
		type "use gu\t\r"
		see "guest.emt> "
		type "set rel\t4.14.0\r"
		see "guest.emt> "
		type "set release --js\t| cat\r"
		see "\"value\":\"4.14.0\""
		see "guest.emt> "
		type "explain 0x\t\t"
		see "0xf0010  error, mismatch"
		see "0xf0030"
		type "10\r"
		see "gfn 0xf0010"
		see "guest.emt> "
		type "show --so\t-gf\t--lim\t1 --where 'verd\t == \"o\t' -o verd\t | tr a-z A-Z\r"
		see "VERDICT\r\nOK\r\n"
		see "guest.emt> "
		type "show -o gfn,ver\t--limit 1\r"
		see "GFN VERDICT"
	END
	status_is 0
}

@test "a question mark shows what is valid here, and stays a character in a text" {
	drive <<-'END'
		see "> "
		type "policy ?"
		see "show how the rules of two releases differ"
		sleep 0.5
		type "compare ?"
		see "usage: policy compare"
		see "staging-4.4"
		sleep 0.5
		type "\003"
		see "^C"
		see "emtctl> "
		type "echo 'is it so?'\r"
		see "\r\nis it so?\r\n"
		see "> "
		type "?"
		see "leave"
	END
	status_is 0
}

@test "history is kept in the state folder, for the user alone, and comes back" {
	drive <<-'END'
		see "> "
		type "echo first-line\r"
		see "first-line"
		see "> "
		type "frobnicate\r"
		see "no such command"
	END
	status_is 0
	[ "$(stat -c %a "$XDG_STATE_HOME/emtctl/history")" = 600 ]
	[ "$(grep -c first-line "$XDG_STATE_HOME/emtctl/history")" = 1 ]
	drive <<-'END'
		see "> "
		type "\033\[A\033\[A\r"
		see "first-line"
		see "first-line"
	END
	status_is 0
	[ "$(head -n 1 "$XDG_STATE_HOME/emtctl/history")" = _HiStOrY_V2_ ]
	[ "$(grep -c _HiStOrY_V2_ "$XDG_STATE_HOME/emtctl/history")" = 1 ]
}

@test "EMTCTL_HISTFILE names another file; the mode of a device is left alone" {
	BEFORE="EMTCTL_HISTFILE=$BATS_TEST_TMPDIR/other" drive <<-'END'
		see "> "
		type "echo other\r"
		see "other"
	END
	status_is 0
	grep -q other "$BATS_TEST_TMPDIR/other"
	[ ! -e "$XDG_STATE_HOME" ]
	before=$(stat -L -c %a /dev/null)
	BEFORE="EMTCTL_HISTFILE=/dev/null" drive <<-'END'
		see "> "
		type "echo none\r"
		see "none"
	END
	status_is 0
	[ "$(stat -L -c %a /dev/null)" = "$before" ]
}

@test "no history, no prompt and no colour without a terminal" {
	run --separate-stderr timeout 20 "$EMTCTL" <<<'echo piped'
	status_is 0
	[ "$output" = piped ]
	[ ! -e "$XDG_STATE_HOME" ]
}

@test "with standard output in a pipe the prompt stays on the terminal" {
	cat >pipe.exp <<-'END'
		set timeout 8
		spawn -noecho sh -c {"$EMTCTL" | cat >out.txt}
		expect_before timeout { exit 9 }
		expect "> "
		send "version\r"
		expect "> "
		sleep 0.5
		send "\004"
		expect eof
	END
	run timeout 30 expect -f pipe.exp
	status_is 0
	grep -q '^emtctl 0' out.txt
	run ! grep -q '>' out.txt
	run ! grep -q $'\033' out.txt
}

@test "Ctrl-C stops the running command only" {
	make_big 500000 big.emt
	drive <<-'END'
		see "> "
		type "show big.emt --split --ndjson > /dev/null\r"
		see "show: "
		type "\003"
		see "emtctl: show: stopped"
		see "> "
		type "show big.emt --split --ndjson | sleep 30\r"
		sleep 1
		type "\003"
		see "> "
		type "echo still-here\r"
		see "still-here\r\nstill-here"
		see "> "
		type "half a line\003"
		see "> "
		type "echo not-half\r"
		see "\r\nnot-half\r\n"
	END
	status_is 0
}

@test "a Ctrl-C at the very prompt is never lost, nor a resized or resumed terminal" {
	drive <<-'END'
		see "> "
		for {set i 0} {$i < 30} {incr i} {
			type "\003"
			see "^C"
			see "> "
		}
		type "echo wi"
		stty rows 30 columns 60 < $spawn_out(slave,name)
		sleep 0.3
		type "der\r"
		see "wider\r\n"
		see "> "
		type "echo re"
		see "echo re"
		type "\032"
		sleep 0.5
		exec kill -CONT [exp_pid]
		type "sumed\r"
		see "\r\nresumed\r\n"
		see "> "
		type "echo \u00e4\u20ac\r"
		see "\r\n\u00e4\u20ac\r\n"
		see "> "
	END
	status_is 0
}

@test "Ctrl-D, quit and exit leave with 0, whatever the commands said" {
	for word in quit exit; do
		cat >leave.exp <<-END
			set timeout 8
			spawn -noecho "$EMTCTL"
			expect_before timeout { exit 9 }
			expect "> "
			send "audit nothing\r"
			expect "> "
			send "$word\r"
			expect eof
			exit [lindex [wait] 3]
		END
		run timeout 30 expect -f leave.exp
		status_is 0
	done
}

@test "redirections and pipes: data only, without colour" {
	unset NO_COLOR
	drive <<-'END'
		see "> "
		type "audit guest.emt --release 4.14.0 > report.txt\r"
		see "> "
		type "echo more >> report.txt\r"
		see "> "
		type "policy list | wc -l\r"
		expect -re {\n[0-9]+\r}
	END
	status_is 0
	grep -q mismatch report.txt
	[ "$(tail -n 1 report.txt)" = more ]
	run ! grep -q $'\033' report.txt
	run ! grep -q '> ' report.txt
}

@test "long replies go through the pager, unless they are not wanted there" {
	BEFORE="EMTCTL_PAGER=sed\ s/^/PAGED:/" drive <<-'END'
		see "> "
		type "echo one\r"
		see "PAGED:one"
		see "> "
		type "echo two --no-pager\r"
		see "\r\ntwo\r\n"
		see "> "
		type "set pager no\r"
		see "> "
		type "echo three\r"
		see "\r\nthree\r\n"
	END
	status_is 0
	lacks "$output" "PAGED:two"
	lacks "$output" "PAGED:three"
}

@test "the prompt names source and domain" {
	drive <<-'END'
		see "emtctl> "
		type "use guest.emt 1\r"
		see "guest.emt 1"
		see "guest.emt 1> "
		type "use --forget\r"
		see "no source is in use"
		see "emtctl> "
	END
	status_is 0
}

@test "an open quote and a backslash ask for another line" {
	drive <<-'END'
		see "> "
		type "echo 'two\r"
		see "...> "
		type "lines'\r"
		see "lines"
		see "> "
		type "echo a\\\r"
		see "...> "
		type "b\r"
		see "\r\nab\r\n"
		see "> "
		type "echo 'open\r"
		see "...> "
		type "\003"
		see "emtctl> "
	END
	status_is 0
}

@test "an error shows the place in the line" {
	drive <<-'END'
		see "> "
		type "show guest.emt --sort foo\r"
		see "  show guest.emt --sort foo\r\n                        ^"
		see "columns: domain gfn"
	END
	status_is 0
}

@test "progress shows on a terminal after a second, and never elsewhere" {
	make_big 500000 big.emt
	cat >progress.exp <<-'END'
		set timeout 60
		spawn -noecho sh -c {"$EMTCTL" show big.emt --split --ndjson >/dev/null}
		expect_before timeout { exit 9 }
		expect -re {show: [0-9]+ % after [0-9]+ s}
		send "\003"
		expect eof
	END
	run timeout 90 expect -f progress.exp
	status_is 0
	run --separate-stderr timeout 60 "$EMTCTL" show big.emt --split --ndjson --timeout 1500ms
	status_is 3
	lacks "$stderr" "% after"
}
