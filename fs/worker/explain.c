// SPDX-License-Identifier: MIT
/* explain.c: see explain.h. */
#include "worker/explain.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* ---- no reply ---- */

/* Signals that a process raises by what it does; any other came from outside.
 */
static bool is_own_doing(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
           sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS;
}

/* Real-time signals have no name. */
static const char *name_of(int sig)
{
    const char *name = sigdescr_np(sig);

    return name ? name : "unnamed";
}

static int explain_end(const struct task *t, int status, struct error *err)
{
    int sig = status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (is_own_doing(sig))
        return error_set(err, ERROR_CORRUPT,
                         "%s: the %s crashed, signal %d (SIG%s)", t->what,
                         t->who, sig, sigabbrev_np(sig));
    if (sig)
        return error_set_sys(err, EIO,
                             "%s: the process that %s it was ended by signal "
                             "%d (%s)",
                             t->what, t->done, sig, name_of(sig));
    if (status >= 0 && WIFEXITED(status))
        return error_set(err, ERROR_CORRUPT, "%s: the %s exited with status %d",
                         t->what, t->who, WEXITSTATUS(status));
    return error_set_sys(err, EIO, "%s: the process that %s it is gone",
                         t->what, t->done);
}

int explain_outcome(const struct task *task, const struct slot_limits *limits,
                    enum slot_outcome outcome, int status, struct error *err)
{
    switch (outcome) {
    case SLOT_ENDED:
        return explain_end(task, status, err);
    case SLOT_TIMEOUT:
        return error_set(err, ERROR_CORRUPT,
                         "%s: not %s within %u s (-o decode_time)", task->what,
                         task->done, limits->seconds);
    case SLOT_REPLIED:
    case SLOT_NONSENSE:
        break;
    }
    return error_set(err, ERROR_CORRUPT, "%s: the %s answered nonsense",
                     task->what, task->who);
}

/* ---- a reply ---- */

/* The text goes to logs, tables and attributes. */
static void sanitize(char *text)
{
    text[ERROR_MSG_MAX - 1] = '\0';
    if (text[0] == '\0')
        (void)strcpy(text, "failed without a word");
    for (; *text; text++) {
        if (!isascii((unsigned char)*text) || !isprint((unsigned char)*text))
            *text = '?';
    }
}

static enum error_kind kind_of(const struct error *theirs)
{
    return theirs->kind == ERROR_UNSUPPORTED || theirs->kind == ERROR_TOO_BIG ||
                   theirs->kind == ERROR_INTERNAL
               ? theirs->kind
               : ERROR_CORRUPT;
}

/* What reading a file can come to. ENOSPC would be read as a full disk of
 * ours, and what is tried again at once might be for ever. */
static int errno_of(const struct error *theirs)
{
    int number = theirs->sys_errno;

    return number <= 0 || number > EHWPOISON || number == ENOSPC ||
                   number == ENOMEM || number == EAGAIN || number == EINTR
               ? EIO
               : number;
}

int explain_reply(const struct task *task, const struct slot_limits *limits,
                  struct worker_reply *reply, struct error *err)
{
    struct error *theirs = &reply->err;
    const char *what = task->named ? task->what : "";
    const char *colon = task->named ? ": " : "";

    sanitize(theirs->msg);
    if (theirs->kind == ERROR_NO_MEMORY)
        return error_set(err, ERROR_CORRUPT,
                         "%s: %s it takes more memory than %llu MiB"
                         " (-o decode_memory)",
                         task->what, task->doing,
                         (unsigned long long)limits->memory_bytes >> 20);
    if (theirs->kind == ERROR_IO)
        return error_set_sys(err, errno_of(theirs), "%s%s%.*s", what, colon,
                             ERROR_MSG_MAX - 32, theirs->msg);
    return error_set(err, kind_of(theirs), "%s%s%.*s", what, colon,
                     ERROR_MSG_MAX - 32, theirs->msg);
}
