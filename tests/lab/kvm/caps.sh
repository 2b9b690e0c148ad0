# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: not as root, with the capabilities that the manual names, one set after
# the other.
with() { # CAPABILITIES WORDS...
	caps=$1
	shift
	"$E"-setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps="$caps" --ambient-caps="$caps" "$@"
}
chmod -R a+rX /h/emt
chmod a+rx / /h "$E"
try caps-none with -all "$E" facts "kvm:$pid"
try caps-facts with +bpf,+perfmon "$E" facts "kvm:$pid" --json
try caps-events with +bpf,+perfmon "$E" events --follow --timeout 2s --json
try caps-events-all with +bpf,+perfmon,+sys_admin "$E" events --follow --timeout 2s --json
try caps-audit-less with +bpf,+perfmon "$E" audit "kvm:$pid"
try caps-audit with +bpf,+perfmon,+sys_admin "$E" audit "kvm:$pid" --json
try caps-memory-less with +bpf,+perfmon,+sys_admin "$E" effective "kvm:$pid"
try caps-memory with +bpf,+perfmon,+sys_admin,+sys_ptrace,+dac_read_search "$E" effective "kvm:$pid" --va 0x60000000-0x6002ffff --json
lab_say CAPS "$(cut -d' ' -f1 /proc/uptime)"
