/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ctrl-C and time limits set a flag that commands look at.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* A command that does not look at the flag in time is ended. */
#define GRACE_SECONDS 2

volatile sig_atomic_t cli_cancel, cli_terminated;
static volatile sig_atomic_t patient;

static void interrupt(int sig)
{
	if (sig != SIGINT)
		cli_terminated = 1;
	/* A second signal ends a command that does not come to its end. */
	if (cli_cancel && !patient)
		_exit(EMT_EXIT_ERROR);
	cli_cancel = EMT_CANCEL_USER;
}

static void alarm_rang(int sig)
{
	(void)sig;
	if (cli_cancel && !patient)
		_exit(cli_cancel == EMT_CANCEL_TIMEOUT ? EMT_EXIT_INCOMPLETE : EMT_EXIT_ERROR);
	cli_cancel = EMT_CANCEL_TIMEOUT;
}

void cli_signals(bool wait)
{
	struct sigaction sa = { .sa_handler = interrupt };

	patient = wait;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (wait)
		sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = alarm_rang;
	sigaction(SIGALRM, &sa, NULL);
	/* A reader that goes away is a failed write, with its exit status. */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

void cli_signals_reset(void)
{
	cli_cancel = cli_terminated ? EMT_CANCEL_USER : EMT_CANCEL_NONE;
}

void cli_signals_timeout(uint64_t ms)
{
	struct itimerval t = { .it_value = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) } };

	if (ms)
		t.it_interval.tv_sec = GRACE_SECONDS;
	setitimer(ITIMER_REAL, &t, NULL);
}

uint64_t cli_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
