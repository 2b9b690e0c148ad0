# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by init, behind try.sh: emtd on a real Xen, asked by root and by a user without rights, and
# the same asked of Xen directly.
chmod -R a+rX /tmp /tmp/emt
mkdir -p /run/emtd
chmod 755 /run /run/emtd
echo nobody:x:65534:65534:nobody:/:/bin/sh >>/etc/passwd
echo nogroup:x:65534: >>/etc/group

nobody() {
	su -s /bin/sh nobody -c "LD_LIBRARY_PATH=$LD_LIBRARY_PATH $*"
}

id=$(/h/labdom full 0 0 0 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
printf 'emtctl = %s\nallow_costs = yes\n' $E >/tmp/emtd.conf
/tmp/emt/emtd -c /tmp/emtd.conf 2>/h/out/emtd.log &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -S /run/emtd/read.sock ] && break
	sleep 1
done
try status grep -E '^(Cap|Uid|Seccomp|NoNewPrivs)' /proc/$daemon/status

n=0
while read -r words; do
	n=$((n + 1))
	# shellcheck disable=SC2086 # words
	try "through-$n" $E $words
	# shellcheck disable=SC2086
	EMTCTL_DAEMON=no try "direct-$n" $E $words
done <<END
domains
facts $id
facts $id,costs=yes
facts 0
show $id,costs=yes
audit $id
bars $id,costs=yes
facts 4242
facts xen:nosuchname
END
try words echo "$n"
try nobody-direct nobody EMTCTL_DAEMON=no $E domains
try nobody-domains nobody $E domains
try nobody-facts nobody $E facts "$id"
try nobody-costs nobody $E facts "$id,costs=yes"
# Domains come and go while a client asks again and again.
(
	for _ in 1 2 3 4 5; do
		$E domains || echo "domains failed: $?"
		$E facts "$id,costs=yes"
		echo "status $?"
	done
) >/h/out/churn.out 2>/h/out/churn.err </dev/null &
asking=$!
sleep 1
xl destroy "$id"
wait $asking
try fds sh -c "ls /proc/$daemon/fd | wc -l"
kill -TERM $daemon
wait $daemon
echo $? >/h/out/emtd.rc
try left ls /run/emtd
