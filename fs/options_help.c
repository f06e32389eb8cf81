// SPDX-License-Identifier: MIT
/* options_help.c: the table of options as text. */
#include "options_impl.h"

#include <string.h>

enum { HELP_COLUMN = 30 };

static void print_help_text(FILE *out, int column, const char *text)
{
    const char *end;

    if (column >= HELP_COLUMN) { /* no room: the text begins a line */
        (void)fputc('\n', out);
        column = 0;
    }
    for (;; text = end + 1) {
        end = strchrnul(text, '\n');
        fprintf(out, "%*s%.*s\n", HELP_COLUMN - column, "", (int)(end - text),
                text);
        column = 0;
        if (!*end)
            return;
    }
}

static void print_option(FILE *out, const struct option *option)
{
    int n;

    if (option->letter)
        n = fprintf(out, "  -%c, --%s", option->letter, option->name);
    else
        n = fprintf(out, "  -o %s%s%s", option->name,
                    option->metavar ? "=" : "",
                    option->metavar ? option->metavar : "");
    print_help_text(out, n, option->help);
}

/* Names of one type, wrapped at 76 columns. */
static void print_names(FILE *out, enum option_type type)
{
    int column = 76;

    for (const struct option *o = options_table; o->name; o++) {
        if (o->type != type)
            continue;
        if (column + (int)strlen(o->name) + 1 > 76)
            column = fprintf(out, "\n   ") - 1;
        column += fprintf(out, " %s", o->name);
    }
    fputc('\n', out);
}

void options_help(FILE *out)
{
    fputs("usage: prepfs ARCHIVE MOUNTPOINT [-f] [-d] "
          "[-o OPTION[,OPTION...]]\n\n"
          "Shows every DICOM image under ARCHIVE as a preprocessed TIFF:\n"
          "  MOUNTPOINT/VIEW/STUDY/IMAGE.tiff\n"
          "where VIEW says how (see prepfs-view(7); `full` is a start).\n\n",
          out);
    for (const struct option *o = options_table; o->name; o++) {
        if (o->help)
            print_option(out, o);
    }
    fputs("\nAlways so:", out);
    print_names(out, OPTION_FORCED);
    fputs("\nPassed to the kernel, with a value:", out);
    print_names(out, OPTION_KERNEL);
    fputs("\nAccepted because fstab and mount(8) say them, without effect:",
          out);
    print_names(out, OPTION_IGNORED);
    fputs("\nSIZE is a number of bytes (or pixels), or one with K, M, G or T "
          "for 1024s.\n"
          "Options of -o may also be given as --OPTION[=VALUE].\n"
          "Unmount with: fusermount3 -u MOUNTPOINT\n",
          out);
}

void options_list(FILE *out, bool ignored)
{
    for (const struct option *o = options_table; o->name; o++) {
        if ((o->type == OPTION_IGNORED) == ignored)
            fprintf(out, "%s\n", o->name);
    }
}

void options_each(void (*each)(void *opaque, const struct option_info *option),
                  void *opaque)
{
    for (const struct option *o = options_table; o->name; o++) {
        struct option_info info = {o->name, o->letter, o->metavar, o->help};

        each(opaque, &info);
    }
}
