// SPDX-License-Identifier: MIT
/*
 * orient_dbt.c: tomosynthesis objects that were stored upside down.
 *
 * Patient Orientation (0020,0020) names the direction of the rows and of the
 * columns in letters (PS3.3 C.7.6.1.1.1). A breast has one standard pair per
 * laterality and view; an object with exactly the opposite pair, letter by
 * letter, is the same picture turned by 180 degrees.
 */
#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "image/orient.h"

/* One value of a multi-valued string, without the blanks round it. */
struct word {
    const char *text;
    size_t length;
};

struct standard {
    char laterality;
    const char *view;
    const char *rows;
    const char *columns;
};

static const struct standard standards[] = {
    {'L', "CC", "A", "R"},
    {'R', "CC", "A", "L"},
    {'L', "MLO", "A", "FR"},
    {'R', "MLO", "A", "FL"},
};

static bool is_blank(char c)
{
    return isspace((unsigned char)c) || c == '\0';
}

/* The next value that is not empty; false at the end. */
static bool next_word(const char **at, struct word *ret)
{
    while (*at) {
        const char *begin = *at;
        const char *end = strchr(begin, '\\');

        *at = end ? end + 1 : NULL;
        if (!end)
            end = begin + strlen(begin);
        while (begin < end && is_blank(*begin))
            begin++;
        while (end > begin && is_blank(end[-1]))
            end--;
        ret->text = begin;
        ret->length = (size_t)(end - begin);
        if (ret->length > 0)
            return true;
    }
    return false;
}

static bool word_is(const struct word *word, const char *text)
{
    if (strlen(text) != word->length)
        return false;
    for (size_t i = 0; i < word->length; i++) {
        if (toupper((unsigned char)word->text[i]) != text[i])
            return false;
    }
    return true;
}

static char opposite(char direction)
{
    static const char pairs[] = "APRLFH";
    const char *at = direction ? strchr(pairs, direction) : NULL;

    if (!at)
        return '\0';
    return pairs[(size_t)(at - pairs) ^ 1];
}

static bool word_is_opposite(const struct word *word, const char *text)
{
    if (strlen(text) != word->length)
        return false;
    for (size_t i = 0; i < word->length; i++) {
        if (toupper((unsigned char)word->text[i]) != opposite(text[i]))
            return false;
    }
    return true;
}

static const struct standard *standard_of(const struct word *laterality,
                                          const struct word *view)
{
    for (size_t i = 0; i < sizeof standards / sizeof standards[0]; i++) {
        const char letter[2] = {standards[i].laterality, '\0'};

        if (word_is(laterality, letter) && word_is(view, standards[i].view))
            return &standards[i];
    }
    return NULL;
}

bool orient_is_turned_dbt(const char *sop_class, const char *laterality,
                          const char *view_position,
                          const char *patient_orientation)
{
    static const char dbt[] = "1.2.840.10008.5.1.4.1.1.13.1.3";
    const struct standard *standard;
    struct word uid;
    struct word side;
    struct word view;
    struct word rows;
    struct word columns;
    struct word rest;

    if (!next_word(&sop_class, &uid) || !word_is(&uid, dbt) ||
        !next_word(&laterality, &side) || !next_word(&view_position, &view) ||
        !next_word(&patient_orientation, &rows) ||
        !next_word(&patient_orientation, &columns) ||
        next_word(&patient_orientation, &rest))
        return false;
    standard = standard_of(&side, &view);
    return standard && word_is_opposite(&rows, standard->rows) &&
           word_is_opposite(&columns, standard->columns);
}
