// SPDX-License-Identifier: MIT
/* near_word.c: see near_word.h. */
#include "near_word.h"

#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* How many letters must be changed, added, dropped or swapped with their
 * neighbour; words above NEAR_WORD_MAX are far from everything. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[NEAR_WORD_MAX + 1][NEAR_WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NEAR_WORD_MAX || nb > NEAR_WORD_MAX)
        return NEAR_WORD_MAX;
    for (unsigned i = 0; i <= na; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
                           d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[na][nb];
}

struct near_word near_word(const char *word)
{
    size_t n = strlen(word);

    return (struct near_word){word, NULL, n < 5 ? 1 : (unsigned)n / 3};
}

void near_word_try(struct near_word *n, const char *candidate)
{
    unsigned d = distance(n->word, candidate);

    if (d > n->limit)
        return;
    n->best = candidate;
    n->limit = d - (d > 0);
}
