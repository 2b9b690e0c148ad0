#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153,SC2001
# The same numbers, times and order in every locale; names of any script in
# columns that stay straight.

load helper

LOCALES="C C.UTF-8"

setup_file() {
	# Locales of our own making, where their sources are installed: a comma in
	# numbers, and an i whose capital is no I.
	export LOCPATH=$BATS_FILE_TMPDIR/locales
	# With LOCPATH the C library itself keeps memory that a leak checker takes amiss.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	mkdir -p "$LOCPATH"
	localedef -i de_DE -f UTF-8 "$LOCPATH/de_DE.UTF-8" 2>/dev/null || true
	localedef -i tr_TR -f UTF-8 "$LOCPATH/tr_TR.UTF-8" 2>/dev/null || true
	export NAME='büro-窓窓-ё' # 9 characters, two of them wide
	printf '{"domain_name": "%s"}\n' "$NAME" >"$BATS_FILE_TMPDIR/name.json"
	export NAMED=$BATS_FILE_TMPDIR/named.emt
	"$EMTCTL" import "$CONSOLE/xen-4.17.7-key-D-every-type-collected.txt" --release 4.17.7 \
		--facts "$BATS_FILE_TMPDIR/name.json" --label "$NAME" -o "$NAMED" >/dev/null 2>&1 || [ $? = 3 ]
}

setup() {
	for l in de_DE.UTF-8 tr_TR.UTF-8; do
		[ -d "$LOCPATH/$l" ] && LOCALES+=" $l"
	done
	cd "$BATS_TEST_TMPDIR" || return
}

# Display columns of each line's text before a word: columns_before WORD <TEXT
columns_before() {
	python3 -c '
import sys, unicodedata
for line in sys.stdin:
    at = line.find(sys.argv[1])
    if at >= 0:
        print(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[:at]))' "$1"
}

@test "the locales that are needed can be made here" {
	command -v localedef >/dev/null && [ -e /usr/share/i18n/locales/de_DE ] || skip "apt install locales"
	[[ $LOCALES == *de_DE* && $LOCALES == *tr_TR* ]]
	# They are what they should be.
	run env LC_ALL=de_DE.UTF-8 /usr/bin/printf '%.1f' 1,5
	[ "$output" = 1,5 ]
}

@test "text, JSON and exit status are the same in every locale" {
	for words in "audit $GUEST --release 4.14.0 --all" "show $GUEST" "show $GUEST --split --limit 300" \
		"explain $GUEST 0xf0010" "facts $GUEST --all" "capture show $GUEST" "policy list" \
		"policy compare 4.2.0 4.22.0" "self-test" "help audit" "help frob" "show $GUEST --frob"; do
		read -r -a argv <<<"$words"
		for form in --color=never --json --ndjson; do
			first=
			for l in $LOCALES; do
				LC_ALL=$l run timeout 60 "$EMTCTL" "${argv[@]}" "$form"
				output=$(sed 's/"time":"[^"]*"//g' <<<"$output")
				[ -n "$first" ] || first="$status $output"
				[ "$status $output" = "$first" ] || {
					diff <(echo "$first") <(echo "$status $output") | head -20 >&2
					echo "differs in $l: $words $form" >&2
					return 1
				}
			done
		done
	done
}

@test "filters and sorting know one decimal point and one alphabet" {
	for l in $LOCALES; do
		export LC_ALL=$l
		emt show "$GUEST" --where 'order > 8.5 && BYTES >= 1.5MiB' --json
		[ "$status" = 2 ] # columns are lower case in every locale
		emt show "$GUEST" --where 'order > 8.5 and bytes >= 1.5MiB' --sort type,-gfn --ndjson
		status_is 0
		here=$(grep -v '"record":"header"' <<<"$output")
		[ "$(wc -l <<<"$here")" -gt 1 ]
		[ -n "${first-}" ] || first=$here
		[ "$here" = "$first" ]
		# A word operator in capitals, with the letter that Turkish changes.
		emt policy list --where 'hypervisor NE "kvm" AND NOT pending' --ndjson
		status_is 0
	done
}

@test "a name in another script is the same name in JSON everywhere" {
	for l in $LOCALES; do
		export LC_ALL=$l
		emt audit "$NAMED" --json
		[ "$status" -le 3 ]
		[ "$(jq_of '.data.domains[0].name')" = "$NAME" ]
		emt capture show "$NAMED" --json --where "label == \"$NAME\""
		[ "$(jq_of '.data.walks[0].label')" = "$NAME" ]
		emt capture show "$NAMED" --json --where 'label =~ "^b.*ro-窓窓-ё$"'
		[ "$(jq_of '.data.walks[0].label')" = "$NAME" ]
	done
}

@test "columns stay straight behind wide characters" {
	export LC_ALL=C.UTF-8
	emt capture show "$NAMED" -o label,complete
	has "$output" "$NAME"
	heading=$(columns_before COMPLETE <<<"$output" | sort -u)
	[ "$heading" -gt 10 ]
	[ "$(tail -n +2 <<<"$output" | grep -F "$NAME" | columns_before yes | sort -u)" = "$heading" ]
	emt audit "$NAMED"
	has "$output" "$NAME"
	# Without such characters in the locale it is still a table, and nothing fails.
	export LC_ALL=C
	emt capture show "$NAMED" -o label,complete
	[ "$status" != 2 ]
	heading=$(grep -bo COMPLETE <<<"$output" | head -n 1 | cut -d: -f1)
	[ "$(tail -n +3 <<<"$output" | grep -F yes | head -n 1 | LC_ALL=C grep -bo yes | cut -d: -f1)" = "$heading" ]
}

@test "on a terminal no line of prose is wider than it" {
	command -v script >/dev/null || skip "apt install bsdutils"
	for l in C C.UTF-8; do
		for width in 72 100; do
			text=$(LC_ALL=$l TERM=xterm COLUMNS=$width script -qec \
				"'$EMTCTL' facts '$NAMED' --color=never --no-pager -o fact,how" /dev/null | tr -d '\r')
			widest=$(wc -L <<<"$text")
			[ "$widest" -gt 40 ]
			[ "$widest" -le "$width" ]
		done
	done
}
