/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the unit tests: cmocka, random numbers, random facts. */
#ifndef EMT_TESTS_COMMON_H
#define EMT_TESTS_COMMON_H

/* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "policy/facts.h"
#include "policy/release.h"

/* A small generator with a seed of its own, so that a failure can be repeated:
 * EMT_TEST_SEED in the environment overrides. */
uint64_t emt_test_seed(void);
uint64_t emt_rand(uint64_t *state);
uint64_t emt_rand_below(uint64_t *state, uint64_t n);

/* Any MTRR state: mostly sane registers, sometimes odd masks and overlaps. */
void emt_rand_mtrr(uint64_t *state, struct emt_mtrr *m, uint64_t frames);
/* Any facts of a domain whose gfns and frames lie below 'frames', all known. */
void emt_rand_facts(uint64_t *state, struct emt_facts *f, uint64_t frames);

#endif
