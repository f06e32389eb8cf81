// SPDX-License-Identifier: MIT
/*
 * prepfsctl: everything about an archive that needs no mount.
 */
#include <string.h>

#include "ctl/command.h"

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
    const char *meant = command_nearest(word);

    (void)fprintf(stderr,
                  "%s: there is no subcommand \"%s\"%s%s%s\nTry: %s --help\n",
                  program, word, meant ? "; did you mean \"" : "",
                  meant ? meant : "", meant ? "\"?" : "", program);
    return CTL_USAGE;
}
