// SPDX-License-Identifier: MIT
/*
 * prepfsctl: everything about an archive that needs no mount.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "manifest/state.h"
#include "prepfs/cleanup.h"

int ctl_fail(const struct ctl_args *args, const struct error *err)
{
    (void)fprintf(stderr, "%s: %s\n", args->program, err->msg);
    return err->kind == ERROR_USAGE ? CTL_USAGE : CTL_FAILED;
}

int ctl_finish_output(const struct ctl_args *args)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CTL_OK;
    (void)fprintf(stderr, "%s: cannot write: %s\n", args->program,
                  strerrordesc_np(errno));
    return CTL_FAILED;
}

static struct manifest *open_state(const char *state, enum ctl_access how,
                                   struct error *err)
{
    struct manifest *m = NULL;

    if (how != CTL_READ)
        m = manifest_open(state, MANIFEST_READ_WRITE, err);
    if (!m && (how == CTL_READ || (how == CTL_WRITE && err->kind == ERROR_IO)))
        m = manifest_open(state, MANIFEST_READ_ONLY, err);
    return m;
}

struct manifest *ctl_open(const struct ctl_args *args, const char *archive,
                          enum ctl_access how, char **ret_state,
                          struct error *err)
{
    CLEANUP_FREE char *state = NULL;

    if (state_prepare(archive, args->values[CTL_STATE], how == CTL_CREATE,
                      &state, err) != 0) {
        if (err->kind == ERROR_NOT_FOUND && access(archive, F_OK) == 0)
            (void)error_set(err, ERROR_NOT_FOUND,
                            "%s was never indexed: prepfsctl index %s", archive,
                            archive);
        return NULL;
    }
    struct manifest *m = open_state(state, how, err);

    if (!m)
        return NULL;
    if (manifest_set_aside(m))
        (void)fprintf(stderr,
                      "%s: the manifest was damaged; it is now %s and a new "
                      "one is made\n",
                      args->program, manifest_set_aside(m));
    if (ret_state)
        *ret_state = STEAL(state);
    return m;
}

static int run(const struct ctl_command *c, char **argv, const char *program)
{
    struct ctl_args args = {.program = program};
    struct error err = ERROR_INIT;
    bool help = false;

    if (command_parse(c, argv, &args, &help, &err) != 0) {
        (void)fprintf(stderr, "%s: %s\nTry: %s %s --help\n", program, err.msg,
                      program, c->name);
        return CTL_USAGE;
    }
    if (!help)
        return c->run(&args);
    command_help_one(stdout, program, c);
    return ctl_finish_output(&args);
}

int main(int argc, char **argv)
{
    const char *program = "prepfsctl";
    const char *word = argc > 1 ? argv[1] : NULL;
    struct ctl_args none = {.program = program};

    if (!word) {
        command_help(stderr, program);
        return CTL_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        command_help(stdout, program);
        return ctl_finish_output(&none);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        (void)printf("prepfsctl %s\n", PREPFS_VERSION);
        return ctl_finish_output(&none);
    }
    const struct ctl_command *c = command_find(word);

    if (c)
        return run(c, argv + 2, program);
    (void)fprintf(stderr, "%s: there is no subcommand \"%s\"\nTry: %s --help\n",
                  program, word, program);
    return CTL_USAGE;
}
