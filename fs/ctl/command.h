// SPDX-License-Identifier: MIT
/*
 * command.h: the command line of prepfsctl against the table in command.c.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "ctl/ctl.h"

/* NULL if there is none. */
const struct ctl_command *command_find(const char *name);

/* The subcommand that was meant by a word that is none, or NULL. */
const char *command_nearest(const char *word);

/*
 * Reads what follows the subcommand; `argv` ends with NULL, is cut and put
 * into another order, and holds what *args points to. ERROR_USAGE. If
 * *ret_help, nothing else counts.
 *
 * A subcommand with the option --out takes `-o TEXT` for it, unless TEXT is
 * NAME=VALUE with the name of an option.
 */
int command_parse(const struct ctl_command *c, char **argv,
                  struct ctl_args *args, bool *ret_help, struct error *err);

void command_help(FILE *out, const char *program);
void command_help_one(FILE *out, const char *program,
                      const struct ctl_command *c);

#endif
