#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2153
# JSON Schemas: one for each command, strict, the same wherever they come from; and
# the check of replies notices what it is there to notice. tests/run lets that check
# see every reply of the whole suite.

load helper

check() {
	"$ROOT/tests/schema/check" "$@"
}

# Refused, and the message holds this: refused FILE TEXT
refused() {
	run check "$EMTCTL" "$1"
	[ "$status" = 1 ]
	has "$output" "$2"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset EMTCTL_RECORD_REPLIES
}

@test "each command has one schema, and there is one for errors" {
	"$EMTCTL" schema --json >list.json
	jq -r '.data.schemas[].command // empty' list.json | sort >have
	"$EMTCTL" help --json 2>/dev/null | jq -r '.data.commands[].name' | sort >want
	diff have want
	[ "$(jq -r '.data.schemas[-1] | [.schema, .command] | @csv' list.json)" = '"emt.error",' ]
	[ "$(jq '.data.schemas | map(.schema) | (length == (unique | length))' list.json)" = true ]
}

@test "schemas are draft 7, name their version, and allow nothing that is not declared" {
	"$EMTCTL" schema --json | jq -r '.data.schemas[].schema' >names
	while read -r name; do
		"$EMTCTL" schema "$name" >"$name.json"
		jq -e --arg n "$name" '.title == $n and (.["$id"] | startswith("urn:emt:schema:\($n):"))' "$name.json"
		/usr/bin/python3 - "$name.json" <<-'END'
			import json, sys, jsonschema
			schema = json.load(open(sys.argv[1]))
			jsonschema.Draft7Validator.check_schema(schema)
			n = 0
			def walk(s, where):
			    global n
			    if isinstance(s, list):
			        for i, v in enumerate(s): walk(v, where + [i])
			    elif isinstance(s, dict):
			        if s.get("type") == "object":
			            n += 1
			            assert s["additionalProperties"] is False, where
			            assert sorted(s["required"]) == sorted(s["properties"]), where
			        for k, v in s.items():
			            walk(v, where + [k])
			            if k == "properties":
			                for name, p in v.items():
			                    assert p, where + [name]
			walk(schema, [])
			assert n >= 4, n
		END
	done <names
	[ "$(wc -l <names)" -ge 16 ]
}

@test "a command, the name of its schema, JSON and the installed file say the same" {
	for command in audit "policy show" "capture verify"; do
		# shellcheck disable=SC2086 # two words are two words
		"$EMTCTL" schema $command >a
		name=$(jq -r .title a)
		"$EMTCTL" schema "$name" >b
		cmp a b
		"$EMTCTL" schema "$name" --json | jq -r '.data.document.document' | sed '$d' >c
		cmp a c
		cmp a "$BUILD/schema/$name.json"
	done
	[ "$(find "$BUILD/schema" -name '*.json' | wc -l)" = "$("$EMTCTL" schema --ndjson | grep -c '"record":"schema"')" ]
}

@test "no such command is an error that says where to look" {
	emt schema frob
	status_is 2
	has "$stderr" "no such command or schema"
	has "$stderr" "emtctl schema lists all"
	emt schema frob --json
	json_error_is usage
}

@test "self-test finds nothing, and says what it looked at" {
	emt self-test
	status_is 0
	has "$output" "examples"
	emt self-test --json
	jq_is '.data.faults == [] and (.data.checks | length) >= 8'
	jq_is '[.data.checks[] | .ok and .items > 10] | all'
}

@test "the check takes good replies in both forms, whole or with -o" {
	"$EMTCTL" show "$GUEST" --json >good.json
	"$EMTCTL" show "$GUEST" --ndjson >good.ndjson
	"$EMTCTL" show "$GUEST" --json -o gfn,type >some.json
	"$EMTCTL" show "$GUEST" --ndjson --columns gfn >some.ndjson
	"$EMTCTL" frob --json >error.json 2>/dev/null || [ $? = 2 ]
	"$EMTCTL" frob --ndjson >error.ndjson 2>/dev/null || [ $? = 2 ]
	check "$EMTCTL" good.json good.ndjson some.json some.ndjson error.json error.ndjson
}

@test "the check refuses what is renamed, retyped, added, dropped, or no word of the set" {
	"$EMTCTL" show "$GUEST" --json >good.json
	jq '.data.runs[0] |= (.lastgfn = .last_gfn | del(.last_gfn))' good.json >bad.json
	refused bad.json lastgfn
	jq '.data.runs[0].order = "9"' good.json >bad.json
	refused bad.json "data/runs/0/order"
	jq '.data.runs[0].expected = "WB"' good.json >bad.json
	refused bad.json "data/runs/0/expected"
	jq '.data.runs[0].extra = 1' good.json >bad.json
	refused bad.json extra
	jq 'del(.data.runs[3].mfn)' good.json >bad.json
	refused bad.json mfn
	jq '.data.runs[0].verdict = "fine"' good.json >bad.json
	refused bad.json fine
	jq '.data.runs[0].gfn = null' good.json >bad.json
	refused bad.json "data/runs/0/gfn"
	jq '.data.runs[0].gfn = -1' good.json >bad.json
	refused bad.json "data/runs/0/gfn"
	jq '.data.runs = .data.runs[0]' good.json >bad.json
	refused bad.json "data"
	jq '.time = "yesterday"' good.json >bad.json
	refused bad.json time
	jq 'del(.complete)' good.json >bad.json
	refused bad.json complete
	jq '.exit_status = 4' good.json >bad.json
	refused bad.json exit_status
	jq '.schema = "emt.frob"' good.json >bad.json
	refused bad.json "no schema"
	head -c 5000 good.json >bad.json
	refused bad.json "not JSON"
}

@test "the check refuses lines of NDJSON that are wrong" {
	"$EMTCTL" show "$GUEST" --ndjson >good.ndjson
	sed '2s/"last_gfn"/"lastgfn"/' good.ndjson >bad.ndjson
	refused bad.ndjson "line 2"
	sed '2s/"record":"run"/"record":"row"/' good.ndjson >bad.ndjson
	refused bad.ndjson "line 2"
	sed '3d' good.ndjson >bad.ndjson
	refused bad.ndjson "counts"
	sed '$s/"exit_status":0/"exit_status":"0"/' good.ndjson >bad.ndjson
	refused bad.ndjson "exit_status"
}

@test "replies are recorded whole, with their words; the suite's check wants every command" {
	mkdir replies
	EMTCTL_RECORD_REPLIES=$PWD/replies "$EMTCTL" version --json >out.json
	EMTCTL_RECORD_REPLIES=$PWD/replies "$EMTCTL" version --ndjson >out.ndjson
	EMTCTL_RECORD_REPLIES=$PWD/replies "$EMTCTL" version >/dev/null
	EMTCTL_RECORD_REPLIES=$PWD/replies "$EMTCTL" version --json >/dev/full 2>/dev/null || [ $? = 2 ]
	[ "$(find replies -type f | wc -l)" = 2 ]
	grep -lq -- '--json' replies/*
	for f in replies/*; do
		tail -n +2 "$f" >copy
		cmp copy out.json 2>/dev/null || cmp copy out.ndjson
	done
	run check --suite "$EMTCTL" replies
	[ "$status" = 1 ]
	has "$output" "emtctl audit was never run with --json"
	has "$output" "emtctl policy check was never run with --json"
	lacks "$output" "emtctl version was"
	# A directory that is not there costs no one a reply.
	EMTCTL_RECORD_REPLIES=/nonexistent "$EMTCTL" version --json >out2.json
	jq -e '.exit_status == 0' out2.json
}
