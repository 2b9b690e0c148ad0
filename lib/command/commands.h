/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command; each is declared in its cmd_*.c. Internal to lib/command.
 */
#ifndef EMT_COMMAND_COMMANDS_H
#define EMT_COMMAND_COMMANDS_H

#include "command/command.h"

extern const struct emt_command emt_cmd_audit, emt_cmd_show, emt_cmd_explain, emt_cmd_facts;
extern const struct emt_command emt_cmd_import, emt_cmd_capture_show, emt_cmd_capture_verify,
	emt_cmd_capture_take;
extern const struct emt_command emt_cmd_policy_list, emt_cmd_policy_show, emt_cmd_policy_compare;
extern const struct emt_command emt_cmd_policy_check;
extern const struct emt_command emt_cmd_schema, emt_cmd_selftest;
extern const struct emt_command emt_cmd_use, emt_cmd_set, emt_cmd_echo;
extern const struct emt_command emt_cmd_expect_findings, emt_cmd_expect_verdict, emt_cmd_expect_count;
extern const struct emt_command emt_cmd_expect_status;
extern const struct emt_command emt_cmd_diff, emt_cmd_whatif, emt_cmd_upgrade, emt_cmd_bars, emt_cmd_map, emt_cmd_doctor;
extern const struct emt_command emt_cmd_effective, emt_cmd_alias, emt_cmd_special, emt_cmd_pv;
extern const struct emt_command emt_cmd_crosscheck, emt_cmd_mappings;
extern const struct emt_command emt_cmd_iommu_commands;
extern const struct emt_command emt_cmd_metrics, emt_cmd_domains, emt_cmd_report, emt_cmd_observe;
extern const struct emt_command emt_cmd_query_status, emt_cmd_query_load, emt_cmd_query_unload, emt_cmd_query_offsets;
extern const struct emt_command emt_cmd_query_measure;
extern const struct emt_command emt_cmd_flush, emt_cmd_iommu_audit, emt_cmd_iommu_show, emt_cmd_iommu_watch;
extern const struct emt_command emt_cmd_watch, emt_cmd_wait, emt_cmd_history;
extern const struct emt_command emt_cmd_events;
extern const struct emt_command emt_cmd_help, emt_cmd_version;

#endif
