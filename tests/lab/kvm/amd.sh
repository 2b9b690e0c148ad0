# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034
# Behind guest.sh: a guest on AMD's nested paging.
ROUNDS=60000 # of cost.sh
say touch 0x2000 64
say look 0x100000 8
say touch 0x10000000 4 0x200000
say touch 0x20000000 2048
say look 0xd0000000
say look 0xe0000000 4
lab_say TOUCHED "$(cut -d' ' -f1 /proc/uptime)"
try domains "$E" domains --json
try doctor "$E" doctor --json
try facts "$E" facts "kvm:$pid" --json
try watch "$E" events --follow --timeout 1s --json
try audit "$E" audit "kvm:$pid" --json
try show "$E" show "kvm:$pid" --split --json
