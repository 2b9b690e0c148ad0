# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Behind try.sh: the query payload is loaded and unloaded /h/cycles times while clients ask and
# domains come and go. Markers: BEFORE (it was never loaded), LOADED, AFTER (it is gone): the
# machine is looked at from outside.
cycles=$(cat /h/cycles)
batch=25 # cycles of one emtctl
still=$(/h/labdom full 0 0 0 2>/h/error.txt) || lab_say FAILED "labdom: $(cat /h/error.txt)"
lab_say BEFORE
lab_wait
try load $E query load -y --json
lab_say LOADED
lab_wait

# What stands still says the same each time: its entries, without header and end.
entries() { grep '"record":"run"' "$1"; }
$E show "$still" --ndjson >/tmp/still || lab_say FAILED show
entries /tmp/still >/tmp/reference
wc -l </tmp/reference >/h/out/reference
try unload $E query unload --json
free() { xl info | sed -n 's/^free_memory *: *//p'; }
free >/h/out/free
cut -d' ' -f1 /proc/uptime >/h/out/uptime

# A client: each answer is whole, or a refusal that says why; all else is kept.
client() {
	whole=0 refused=0 strange=0
	while [ ! -e /tmp/enough ]; do
		$E show "$still" --ndjson >"/tmp/c$1" 2>"/tmp/c$1.err"
		rc=$?
		entries "/tmp/c$1" >"/tmp/c$1.run"
		if [ $rc = 0 ] && cmp -s "/tmp/c$1.run" /tmp/reference; then
			whole=$((whole + 1))
		elif [ $rc = 2 ] && grep -Eq 'it is not loaded|its paging is npt: there are no EPT entries to read' "/tmp/c$1.err"; then
			refused=$((refused + 1))
		else
			strange=$((strange + 1))
			{ echo "client $1: $rc"; cat "/tmp/c$1.err"; } >>/h/out/strange.txt
		fi
	done
	echo "$whole $refused $strange" >"/h/out/client$1"
}
# Domains: each is asked about as it is built, and while it dies.
churn() {
	came=0 asked=0 strange=0
	while [ ! -e /tmp/enough ]; do
		d=$(/h/labdom dirty 2>>/h/out/strange.txt) || { strange=$((strange + 1)); continue; }
		came=$((came + 1))
		$E show "$d" --ndjson >/tmp/young 2>/tmp/young.err &
		asking=$!
		xl destroy "$d"
		wait $asking
		case $? in
		0) asked=$((asked + 1)) ;;
		2) ;;
		*) strange=$((strange + 1)); { echo "domain $d:"; cat /tmp/young.err; } >>/h/out/strange.txt ;;
		esac
	done
	echo "$came $asked $strange" >/h/out/churned
}

n=0
while [ $n -lt $batch ]; do
	n=$((n + 1))
	echo "query load -y > /tmp/o"
	echo "show $still --ndjson > /tmp/o$n"
	echo "query unload > /tmp/o"
done >/tmp/cycle.emt
: >/h/out/strange.txt
client 1 &
one=$!
client 2 &
two=$!
churn &
three=$!
good=0 bad=0
while [ $((good + bad)) -lt "$cycles" ]; do
	if $E -f /tmp/cycle.emt >/tmp/o.err 2>&1; then
		good=$((good + batch))
	else
		bad=$((bad + batch))
		cat /tmp/o.err >>/h/out/strange.txt
		$E query unload >/dev/null 2>&1
	fi
	n=0
	while [ $n -lt $batch ]; do
		n=$((n + 1))
		entries /tmp/o$n | cmp -s - /tmp/reference || echo "other entries in cycle $((good + bad - batch + n))" >>/h/out/strange.txt
	done
	xl dmesg -c >>/h/xen.txt
	lab_say CYCLES "$((good + bad))" "$(cut -d' ' -f1 /proc/uptime)"
done
touch /tmp/enough
wait $one $two $three
cut -d' ' -f1 /proc/uptime >>/h/out/uptime
echo "$good $bad" >/h/out/cycles
free >>/h/out/free
xl list >/h/out/list
try end $E query status --json
lab_say AFTER
lab_wait
