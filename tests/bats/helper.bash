# SPDX-License-Identifier: GPL-2.0-or-later
# What the bats files share.
# shellcheck shell=bash disable=SC2034,SC2154
bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac
EMTCTL=$BUILD/emtctl
CAPTURES=$ROOT/tests/data/captures
CONSOLE=$ROOT/tests/data/console
VECTORS=$ROOT/tests/data/vectors
# A guest with I/O rights and special pages; clean by its own release's rules.
GUEST=$CAPTURES/situations/A-special/D04-iomem-new-special.emt
# The same machine with raw entries: intermediate ones too.
RAW=$CAPTURES/raw/22-host-mtrr-resolved.emt
PENDING=$CAPTURES/ept-linux/d-linux-iomem.emt
export NO_COLOR=1 LC_ALL=C.UTF-8
unset COLUMNS EMTCTL_PAGER

# emtctl with a time limit; standard output in $output, standard error in $stderr.
emt() {
	run --separate-stderr timeout 60 "$EMTCTL" "$@"
}

# Assert the exit status of the last emt.
status_is() {
	[ "$status" = "$1" ] || {
		printf 'exit status %s, not %s\nout: %s\nerr: %s\n' "$status" "$1" "$output" "$stderr" >&2
		return 1
	}
}

# Assert that a text holds another: has TEXT PART.
has() {
	[[ $1 == *"$2"* ]] || {
		printf 'not found: %s\nin: %s\n' "$2" "$1" >&2
		return 1
	}
}

lacks() {
	[[ $1 != *"$2"* ]] || {
		printf 'found: %s\nin: %s\n' "$2" "$1" >&2
		return 1
	}
}

# Assert that a jq expression is true of $output. No input at all would do for jq -e.
jq_is() {
	if [[ -z $output ]] || ! jq -e "$1" >/dev/null <<<"$output"; then
		printf 'false: %s\nof: %.2000s\n' "$1" "$output" >&2
		return 1
	fi
}

# This build is AddressSanitizer's: memory and system calls are not as usual.
sanitized() {
	nm "$BUILD/emtd" | grep -q __asan_init
}

# The value of a jq expression of $output.
jq_of() {
	jq -r "$1" <<<"$output"
}

# Assert that $output is an envelope that reports this error code and nothing else.
json_error_is() {
	status_is 2
	jq_is '.exit_status == 2 and .complete == false and .data == null'
	jq_is ".error.code == \"$1\" and (.error.text | length) > 0"
	has "$stderr" "emtctl: "
}

# Make a wrapper of emtctl, bin/emtctl, for which the unit tests' Xen runs here: dom0 and
# domain 5, a PVH guest called by key D what FAKEXEN_D holds (default: a real dump).
fake_xen() {
	local real=$EMTCTL lib=$BUILD/tests/tools
	mkdir -p bin
	sed -e "/'q' pressed/,\$d" -e 's/domain1 EPT/domain5 EPT/' \
		"$CONSOLE/xen-4.17.7-key-D-then-q-pvh-built.txt" >fake-D.txt
	sed -e "1,/'q' pressed/d" -e 's/domain 1\b/domain 5/' \
		"$CONSOLE/xen-4.17.7-key-D-then-q-pvh-built.txt" >fake-q.txt
	cat >bin/emtctl <<-END
		#!/bin/bash
		export FAKEXEN_D=\${FAKEXEN_D:-$PWD/fake-D.txt} FAKEXEN_Q=\${FAKEXEN_Q:-$PWD/fake-q.txt}
		export FAKEXEN_CMDLINE=\${FAKEXEN_CMDLINE-conring_size=4M}
		export LD_LIBRARY_PATH=$lib LD_PRELOAD=$lib/libxencall.so.1 ASAN_OPTIONS=verify_asan_link_order=0
		exec $real "\$@"
	END
	chmod +x bin/emtctl
	EMTCTL=$PWD/bin/emtctl
}

# A file with the debug information that query offsets reads.
xen_syms() {
	gcc -g -Wl,--build-id=sha1 -o "$1" "$ROOT/tests/data/xen-structs.c"
}

# devices.emt: two domains, what keys D and o print of them; domain 1's table differs
# from its p2m: a page stays reachable, one that became domain 2's too, one is missing.
device_tables() { # [RELEASE]
	local release=${1:-4.17.7}
	cat >devices.txt <<-'END'
		(XEN) domain1 EPT p2m table:
		(XEN) gfn:             0 order:  9 mfn:         20000 rw  WB 
		(XEN) gfn:           200 order:  0 mfn:         10200 rwx WB 
		(XEN) gfn:           201 order:  0 mfn:         10201 r x WB 
		(XEN) gfn:           202 order:  0 mfn:         10302 rwx WB 
		(XEN) gfn:           203 order:  0 mfn:         10203 rwx WB 
		(XEN) gfn:           206 order:  0 mfn:         10206 r   WB!
		(XEN) domain2 EPT p2m table:
		(XEN) gfn:             0 order:  0 mfn:         10205 rwx WB 
		(XEN) [VT-D] d1 table has 4 levels
		(XEN)   dfn: 00000000 mfn: 00020000 rw
		(XEN)    dfn: 00000200 mfn: 00010200 rw
		(XEN)    dfn: 00000201 mfn: 00010201 r-
		(XEN)    dfn: 00000202 mfn: 00010202 rw
		(XEN)    dfn: 00000204 mfn: 00010204 r-
		(XEN)    dfn: 00000205 mfn: 00010205 rw
		(XEN)    dfn: 00000206 mfn: 00010206 rw
		(XEN) [VT-D] d2 table has 4 levels
		(XEN)    dfn: 00000000 mfn: 00010205 rw
	END
	echo '{ "host_e820": [["0x100", "0xfffff", 1]] }' >devices.json
	"$EMTCTL" import devices.txt -f devices.json --release "$release" -o devices.emt >import.out 2>&1 || [ $? = 3 ]
}

# Start emtd with these lines in its configuration, beside sockets in this folder; emtctl
# asks it. Its process is $daemon; end it with stop_emtd, in teardown too.
start_emtd() {
	{
		echo "socket = $PWD/full.sock"
		echo "read_socket = $PWD/read.sock"
		echo "emtctl = $EMTCTL"
		printf '%s\n' "$@"
	} >emtd.conf
	"$BUILD/emtd" -c emtd.conf >emtd.out 2>>emtd.log 3>&- &
	daemon=$!
	for _ in $(seq 100); do
		[ ! -S read.sock ] || break
		sleep 0.05
	done
	[ -S read.sock ] || {
		cat emtd.log >&2
		return 1
	}
	export EMTD_SOCKET=$PWD/full.sock
}

stop_emtd() {
	[ -z "${daemon:-}" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
	daemon=
}

# Wait until a command is true, five seconds at most.
until_true() {
	for _ in $(seq 100); do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		sleep 0.05
	done
	echo "never true: $*" >&2
	return 1
}
