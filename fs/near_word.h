// SPDX-License-Identifier: MIT
/*
 * near_word.h: which word of a few was meant by a wrong one?
 *
 *     struct near_word n = near_word("cahce");
 *     near_word_try(&n, "cache");   for each word there is
 *     n.best                        "cache", or NULL
 *
 * Threads: plain data of the caller.
 */
#ifndef NEAR_WORD_H
#define NEAR_WORD_H

#define NEAR_WORD_MAX 32 /* longer words are far from everything */

struct near_word {
    const char *word; /* borrowed */
    const char *best; /* borrowed from near_word_try */
    unsigned limit;   /* letters that may be wrong */
};

/* A third of the letters may be wrong, of short words one. */
struct near_word near_word(const char *word);
void near_word_try(struct near_word *n, const char *candidate);

#endif
