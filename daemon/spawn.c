/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs started from here: with nothing of ours but three descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "emtd.h"

#define ENV 16

static void child(const struct spawn *s)
{
	static const char *const keep[] = { "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH" };
	struct rlimit memory = { s->memory, s->memory }, cpu = { s->cpu, s->cpu };
	char text[EMT_ARRAY_SIZE(keep)][512], journal[300], path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	const char *env[ENV + 1] = { path };
	size_t n = 1;
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	setpgid(0, 0); /* what it starts ends with it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0)
		_exit(127);
	for (int i = 0; i < 3; i++)
		if (dup2(s->fd[i] < 0 ? null : s->fd[i], i) < 0)
			_exit(127);
	closefrom(3);
	if (s->nice)
		setpriority(PRIO_PROCESS, 0, s->nice);
	/* under AddressSanitizer a limit of address space cannot be kept */
#ifndef __SANITIZE_ADDRESS__
	if (s->memory)
		setrlimit(RLIMIT_AS, &memory);
#else
	(void)memory;
#endif
	if (s->cpu)
		setrlimit(RLIMIT_CPU, &cpu);
	for (size_t i = 0; s->env && s->env[i] && n < ENV; i++)
		env[n++] = s->env[i];
	if (s->journal && *s->journal && n < ENV) {
		snprintf(journal, sizeof(journal), "EMTCTL_JOURNAL=%s", s->journal);
		env[n++] = journal;
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(keep) && n < ENV; i++) {
		const char *v = getenv(keep[i]);

		if (v && snprintf(text[i], sizeof(text[i]), "%s=%s", keep[i], v) < (int)sizeof(text[i]))
			env[n++] = text[i];
	}
	execve(s->path, (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)env);
	dprintf(2, "emtd: %s: %s\n", s->path, strerror(errno));
	_exit(127);
}

pid_t spawn_start(const struct spawn *s)
{
	sigset_t all, before;
	pid_t pid;

	/* A signal for the child must not find our handlers in it: they tell the event loop
	 * through a pipe that both have, and a command that is cancelled would end emtd. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (!pid)
		child(s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		setpgid(pid, pid); /* whoever is first */
	return pid;
}

void member_free(void *member)
{
	free(member);
}
