#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Check replies against what the table of commands declares.

usage: reply-check.py HELP.json REPLY...

HELP.json is `emtctl help --json`. Each reply is one JSON document or NDJSON; its
records must hold exactly the declared columns, each of the declared type.
"""
import json
import re
import sys

ENVELOPE = {"schema", "schema_version", "tool", "source", "time", "data", "exit_status", "complete", "error"}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
HEX = re.compile(r"^0x[0-9a-f]+$")


def is_number(v):
    return isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 53


TYPES = {
    "bool": lambda v: isinstance(v, bool),
    "number": is_number,
    "bytes": is_number,
    "frame": is_number,
    "hex": lambda v: isinstance(v, str) and HEX.match(v),
    "string": lambda v: isinstance(v, str),
    "time": lambda v: isinstance(v, str) and TIME.match(v),
    "strings": lambda v: isinstance(v, list) and all(isinstance(s, str) for s in v),
    "object": lambda v: isinstance(v, dict),
    "list": lambda v: isinstance(v, list) and all(isinstance(o, dict) for o in v),
}


def fail(where, what):
    sys.exit("%s: %s" % (where, what))


def check_record(where, record, columns):
    names = {c["name"] for c in columns}
    if set(record) != names:
        fail(where, "columns differ: %s" % sorted(set(record) ^ names))
    for c in columns:
        v = record[c["name"]]
        if v is None:
            if not c["nullable"]:
                fail(where, "%s is null" % c["name"])
        elif not TYPES[c["type"]](v):
            fail(where, "%s is no %s: %r" % (c["name"], c["type"], v))


def check_document(where, doc, table):
    if set(doc) != ENVELOPE:
        fail(where, "envelope: %s" % sorted(set(doc) ^ ENVELOPE))
    if doc["schema"] == "emt.error":
        return
    columns = table[doc["schema"]]
    if doc["data"] is None:
        if doc["error"] is None:
            fail(where, "no data and no error")
        return
    sections = {c["section"] for c in columns}
    if set(doc["data"]) != sections:
        fail(where, "sections: %s" % sorted(set(doc["data"]) ^ sections))
    for key, part in doc["data"].items():
        mine = [c for c in columns if c["section"] == key]
        if isinstance(part, list):
            for i, record in enumerate(part):
                check_record("%s data.%s[%d]" % (where, key, i), record, mine)
        elif part is not None:
            check_record("%s data.%s" % (where, key), part, mine)


def check_lines(where, lines, table):
    head, end = lines[0], lines[-1]
    if head["record"] != "header" or set(head) != {"record", "schema", "schema_version", "tool", "source", "time"}:
        fail(where, "header: %s" % head)
    if end["record"] != "end" or set(end) != {"record", "counts", "exit_status", "complete", "error"}:
        fail(where, "end: %s" % end)
    counts = {}
    for i, record in enumerate(lines[1:-1]):
        kind = record.pop("record")
        counts[kind] = counts.get(kind, 0) + 1
        check_record("%s line %d" % (where, i + 2), record,
                     [c for c in table[head["schema"]] if c["record"] == kind])
    if {k: v for k, v in end["counts"].items() if v} != counts:
        fail(where, "counts: %s, there are %s" % (end["counts"], counts))


def main():
    with open(sys.argv[1]) as f:
        table = {c["schema"]: c["columns"] for c in json.load(f)["data"]["commands"]}
    for path in sys.argv[2:]:
        with open(path) as f:
            text = f.read()
        lines = [line for line in text.split("\n") if line]
        if lines[0].startswith('{"record"'):
            check_lines(path, [json.loads(line) for line in lines], table)
        else:
            check_document(path, json.loads(text), table)


main()
