# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A capture of a guest whose every entry is a run of its own: for what takes time.

# make_big RUNS FILE
make_big() {
	{
		echo '(XEN) domain1 EPT p2m table:'
		awk -v n="$1" 'BEGIN {
			for (i = 0; i < n; i++)
				printf "(XEN) gfn: %13x order:  0 mfn: %13x rwx %s \n", i, 0x100000 + (i * 7919) % 0x400000,
					i % 1000 ? "WB" : "UC"
		}'
	} >"$2.txt"
	"$EMTCTL" import "$2.txt" --release 4.17.7 -o "$2" >/dev/null || [ $? = 3 ]
	rm "$2.txt"
}
