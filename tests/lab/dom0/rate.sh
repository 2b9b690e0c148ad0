# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh: calls as fast as they come, not watched and watched in each way.
calls=$(cat /h/calls)
id=$(/h/labdom full 0 0 0 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
/h/labdom pins "$id" 1000 >/dev/null 2>/h/error.txt || lab_say FAILED "labdom pins: $(cat /h/error.txt)"
for way in none fentry kprobe uprobe none2; do
	pid=
	case $way in
	none*) ;;
	*)
		$E events --follow --by $way --ndjson >/tmp/$way.ndjson 2>/tmp/$way.err &
		pid=$!
		begun $pid /tmp/$way.err
		;;
	esac
	/h/labdom pins "$id" "$calls" >/h/out/$way.ns 2>/h/error.txt || lab_say FAILED "labdom pins: $(cat /h/error.txt)"
	[ -n "$pid" ] || continue
	# what the caller itself pays: the one processor is not shared with the reader meanwhile
	sleep 2
	kill -STOP $pid
	/h/labdom pins "$id" 20000 >/h/out/$way.burst 2>/h/error.txt || lab_say FAILED "labdom pins: $(cat /h/error.txt)"
	kill -CONT $pid
	sleep 4
	kill -INT $pid
	wait $pid
	echo $? >/h/out/$way.rc
	grep '"record":"watching"' /tmp/$way.ndjson >/h/out/$way.watching
	grep -c '"event":"\(pin\|unpin\)"' /tmp/$way.ndjson >/h/out/$way.pins
	rm /tmp/$way.ndjson
done
lab_say DONE
