# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154
# Behind guest.sh: the guest's own page tables, read out of the process that holds it. Slot 4
# of its PAT is WC, slot 3 UC as usual.
say msr 0x277 0x0007040100070406
say paging
say map 0x60000000 0x20000000 16 3
say map 0x60010000 0x20010000 16 4
say map 0x60020000 0x20020000 16 0
say touch 0x60000000 48
say touch 0x20000000 64
try effective-coherent "$E" effective "kvm:$pid" --va 0x60000000-0x6002ffff --json
# a change of MTRRs makes kernels that do not zap then write the entries anew
say noncoherent on
say msr 0x2ff 0
say msr 0x2ff 0xc06
say touch 0x60000000 48
say touch 0x20000000 64
try effective "$E" effective "kvm:$pid" --va 0x60000000-0x6002ffff --json
try effective-all "$E" effective "kvm:$pid" --json
try alias "$E" alias "kvm:$pid" --json
try explain-va "$E" explain "kvm:$pid" --va 0x60010000 --json
try capture-tables "$E" capture take "kvm:$pid" --guest-tables -o /h/out/tables.emt
lab_say PAGED "$(cut -d' ' -f1 /proc/uptime)"
