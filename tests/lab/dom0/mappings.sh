# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh and pci.sh: frames of a guest that are mapped, watched in each way.
# Markers: MAPPED (guests stand still), then one frame moves.
id=$(/h/labdom full "$(bar "$(edu 2)")" 10 0 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
echo "$id" >/h/out/id

# follow FILE WORDS...: watch until unfollow; its notes say when it began
follow() {
	_file=$1
	shift
	$E events --follow --mappings "$@" --ndjson >"$_file.ndjson" 2>"$_file.err" &
	pid=$!
	begun $pid "$_file.err"
}
unfollow() {
	usleep 500000
	kill -INT $pid
	wait $pid
	echo $? >"$1.rc"
}
# RAM of every size of page, holes, read-only pages, device memory, across tables and top entries
map_all() {
	for range in "0 256" "200 3072" "1000 600" "40000 2" "7ffffff 4" "e0000 16" "1f0 5000"; do
		# shellcheck disable=SC2086
		/h/labdom map "$id" $range >>"$1" 2>>/h/error.txt || echo "$range failed" >>/h/error.txt
	done
}
for way in fentry kprobe uprobe; do
	follow /h/out/$way --by $way
	map_all /h/out/$way.maps
	unfollow /h/out/$way
done
# one domain's only
other=$(/h/labdom dirty)
follow /h/out/only --domain "$other"
/h/labdom map "$id" 200 100 >/dev/null
/h/labdom map "$other" 200 100 >/dev/null
unfollow /h/out/only
echo "$other" >/h/out/other
# what it costs
/h/labdom map "$id" 200 1000 50 >/h/out/cost.without
follow /h/out/cost
/h/labdom map "$id" 200 1000 50 >/h/out/cost.with
unfollow /h/out/cost
lab_key v keys/v.txt
$E query load -y >/h/out/load.txt 2>&1
for way in fentry kprobe uprobe; do
	$E mappings "$id" --journal /h/out/$way.ndjson --json >/h/out/$way.json 2>>/h/error.txt
	echo $? >/h/out/$way.status
done
lab_say MAPPED
lab_wait
# a frame that nobody sees move; and one that the journal sees
/h/labdom move "$id" 210 50000 2>/h/error.txt || lab_say FAILED "move: $(cat /h/error.txt)"
$E mappings "$id" --journal /h/out/fentry.ndjson --json >/h/out/moved.json 2>>/h/error.txt
echo $? >/h/out/moved.status
follow /h/out/seen
/h/labdom map "$id" 1000 600 >/dev/null
/h/labdom move "$id" 1010 50001
/h/labdom map "$id" 1000 8 >/dev/null
unfollow /h/out/seen
$E mappings "$id" --journal /h/out/seen.ndjson --json >/h/out/seen.json 2>>/h/error.txt
echo $? >/h/out/seen.status
lab_key v keys/v2.txt
lab_say DONE
