# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# The last part of each job.
dmesg | tail -n 40 >/h/out/dmesg.out
