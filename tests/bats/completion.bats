#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154
# Completion over the hidden `emtctl complete`, and in real shells at a terminal.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$GUEST" guest.emt
	mkdir -p home
	export HOME=$BATS_TEST_TMPDIR/home TERM=dumb PATH=$BUILD:$PATH ROOT
}

complete() {
	run --separate-stderr timeout 20 "$EMTCTL" complete -- "$@"
	status_is 0
	[ -z "$stderr" ]
	output=$(cut -f1 <<<"$output")
}

@test "commands, second words, options, values" {
	complete aud
	[ "$output" = audit ]
	complete capture ""
	[ "$output" = $'show\ntake\nverify' ]
	complete show guest.emt --spl
	[ "$output" = --split ]
	complete show guest.emt --split --spl
	[ -z "$output" ]
	complete audit guest.emt --fail-on c
	[ "$output" = critical ]
	complete explain gue
	[ "$output" = guest.emt ]
	complete explain guest.emt --release 4.14.0 0x
	has "$output" 0xf0010
	complete show guest.emt --domain ""
	[ "$output" = 1 ]
	complete show guest.emt --sort=-gf
	[ "$output" = --sort=-gfn ]
	complete show guest.emt -o gfn,ver
	[ "$output" = gfn,verdict ]
	complete show guest.emt --where 'order > 0 && ver'
	[ "$output" = 'order > 0 && verdict' ]
	complete show guest.emt --where 'verdict == "mism'
	[ "$output" = 'verdict == "mismatch"' ]
	complete policy show 4.9
	[ "$output" = 4.9.0 ]
	complete help policy comp
	[ "$output" = compare ]
	complete expect count 0 show guest.emt --lim
	[ "$output" = --limit ]
	complete -f gue
	[ "$output" = guest.emt ]
}

@test "nonsense completes to nothing, without a word" {
	for words in "frob " "audit a b c d" "explain nothing.emt 0x" "show --frob x" "--json --json" "expect count"; do
		read -ra list <<<"$words"
		complete "${list[@]}" "zzz"
		[ -z "$output" ]
	done
	complete
	has "$output" audit
}

# in_shell SHELL KEYS SEEN: type KEYS at the shell's prompt; SEEN must appear.
in_shell() {
	command -v "$1" >/dev/null || skip "$1 is missing: apt install $1"
	command -v expect >/dev/null || skip "expect is missing: apt install expect"
	cat >shell.exp <<-'END'
		set timeout 15
		lassign $argv shell keys seen
		switch $shell {
		bash {
			spawn -noecho bash --norc --noprofile -i
			send "source $env(ROOT)/completions/emtctl.bash; PS1='RE''ADY> '\r"
		}
		zsh {
			spawn -noecho zsh -f -i
			send "unsetopt prompt_cr prompt_sp; fpath=($env(ROOT)/completions \$fpath)\r"
			send "autoload -Uz compinit; compinit -D -u; PS1='RE''ADY> '\r"
		}
		fish {
			spawn -noecho fish --private --no-config -i
			send "source $env(ROOT)/completions/emtctl.fish; function fish_prompt; echo -n 'READ'Y'> '; end\r"
		}
		}
		expect_before timeout { puts "NOT SEEN: $seen"; exit 9 }
		expect "READY> "
		sleep 0.5
		send -- [subst -nocommands -novariables $keys]
		# A dumb terminal is drawn over with blanks and backspaces.
		regsub -all { } $seen "\[ \b\]+" pattern
		expect -re $pattern
		close
		wait
	END
	run timeout 40 expect -f shell.exp "$@"
	status_is 0
}

for_shell() {
	in_shell "$1" 'emtctl ver\t' 'emtctl version'
	in_shell "$1" 'emtctl expl\tgue\t--release 4.14.0 0xf001\t-m' '0xf0010 -m'
	in_shell "$1" 'emtctl show guest.emt --colu\tgfn,verd\t-s' 'gfn,verdict -s'
	in_shell "$1" 'emtctl show guest.emt --sort=-gf\t-s' '--sort=-gfn -s'
	in_shell "$1" "emtctl show guest.emt --where 'verd\\t" "'verdict"
}

@test "bash" {
	for_shell bash
}

@test "zsh" {
	for_shell zsh
}

@test "fish" {
	for_shell fish
}
