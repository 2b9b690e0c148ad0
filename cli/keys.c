/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One key at a time for libedit. Signals are taken only while it waits here, so that
 * none falls between the look at its flag and the wait: a Ctrl-C typed the instant a
 * prompt appears stops that line.
 */
#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "cli.h"

static volatile sig_atomic_t resized, stopping;
static sigset_t waiting; /* the mask while waiting: that of the program */

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static void catch(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

/* Ctrl-Z: the shell gets its terminal as it was, and the line is drawn anew after. */
static void stop_here(EditLine *el)
{
	stopping = 0;
	el_set(el, EL_PREP_TERM, 0);
	raise(SIGSTOP);
	el_set(el, EL_PREP_TERM, 1);
	el_resize(el);
	el_set(el, EL_REFRESH);
}

/* 0 when a byte can be read, -1 when the line is to be given up. */
static int wait_for_input(EditLine *el)
{
	for (;;) {
		struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

		if (cli_cancel || cli_terminated) {
			errno = EINTR;
			return -1;
		}
		if (stopping)
			stop_here(el);
		if (resized) {
			resized = 0;
			el_resize(el);
			el_set(el, EL_REFRESH);
		}
		if (ppoll(&fd, 1, NULL, &waiting) >= 0)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

/* 1 = a byte, 0 = end, -1 = give up. */
static int next_byte(EditLine *el, char *byte)
{
	ssize_t n;

	do {
		if (wait_for_input(el))
			return -1;
		n = read(STDIN_FILENO, byte, 1);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)n;
}

int keys_get(EditLine *el, wchar_t *out)
{
	mbstate_t state = { 0 };
	unsigned int len = 0;
	sigset_t none, before;
	char byte;
	int rc;

	sigemptyset(&none);
	sigaddset(&none, SIGINT);
	sigaddset(&none, SIGTERM);
	sigaddset(&none, SIGHUP);
	sigaddset(&none, SIGWINCH);
	sigaddset(&none, SIGTSTP);
	sigprocmask(SIG_BLOCK, &none, &before);
	catch(SIGWINCH, on_resize);
	catch(SIGTSTP, on_stop);
	waiting = before;
	while ((rc = next_byte(el, &byte)) == 1) {
		size_t n = mbrtowc(out, &byte, 1, &state);

		if (n != (size_t)-1 && n != (size_t)-2)
			break;
		if (n == (size_t)-1 || ++len >= MB_LEN_MAX) {
			/* No text of this locale: the bytes until here are left out. */
			memset(&state, 0, sizeof(state));
			len = 0;
		}
	}
	/* While a command runs, Ctrl-Z stops the program in the usual way. */
	catch(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (rc != 1)
		*out = L'\0';
	return rc;
}
