// SPDX-License-Identifier: MIT
/*
 * view_nearest.c: which word was meant? Words of other programs by a table,
 * slips by edit distance, two rows, bounded.
 */
#include "view/view_ops.h"

#include <string.h>

#define WORD_MAX 47

/* Only names that the distance below does not lead to the right operator. */
static const struct {
    const char *word;
    const char *ours;
} others[] = {
    {"resize", "size"},
    {"scale", "size"},
    {"thumbnail", "size"},
    {"resample", "spacing"},
    {"clip", "range"},
    {"clamp", "range"},
    {"wl", "window"},
    {"voi", "window"},
    {"lut", "window"},
    {"rotate", "rot"},
    {"mirror", "flip-h"},
    {"normalize", "norm-z"},
    {"normalise", "norm-z"},
    {"zscore", "norm-z"},
    {"standardize", "norm-z"},
    {"volume", "series"},
    {"stack", "series"},
    {"patch", "grid"},
    {"patches", "grid"},
    {"tile", "grid"},
    {"tiles", "grid"},
    {"random", "rand"},
    {"coronal", "plane-cor"},
    {"sagittal", "plane-sag"},
    {"minip", "vol-minip"},
    {"mean", "vol-mean"},
    {"uint8", "u8"},
    {"uint16", "u16"},
    {"int16", "i16"},
    {"float16", "f16"},
    {"float32", "f32"},
    {"float", "f32"},
    {"grey", "gray"},
    {"color", "rgb"},
    {"tiff", "list-tiff"},
    {"npy", "list-npy"},
    {"numpy", "list-npy"},
    {"nii", "list-nii"},
    {"nifti", "list-nii"},
    {"png", "list-png"},
    {"json", "list-json"},
    {"compress", "pack-deflate"},
    {"deflate", "pack-deflate"},
    {"lzw", "pack-lzw"},
    {"zstd", "pack-zstd"},
    {"packbits", "pack-packbits"},
};

const char *view_other_word(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strlen(others[i].word) == length &&
            memcmp(others[i].word, word, length) == 0)
            return others[i].ours;
    return NULL;
}

void view_nearest_init(struct view_nearest *n, const char *word, size_t length)
{
    n->word = word;
    n->length = length;
    n->distance = SIZE_MAX;
    n->best[0] = '\0';
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Levenshtein's distance, without regard to case; both up to WORD_MAX. */
static size_t distance(const char *a, size_t a_length, const char *b,
                       size_t b_length)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed =
                diagonal + (lower(a[i - 1]) != lower(b[j - 1]) ? 1 : 0);

            diagonal = row[j];
            row[j] = least(changed, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

void view_nearest_try(struct view_nearest *n, const char *candidate)
{
    size_t length = strlen(candidate);
    size_t d;

    if (n->length > WORD_MAX || length > WORD_MAX)
        return;
    if (length == n->length && memcmp(candidate, n->word, length) == 0)
        return; /* a word in the wrong place is no advice */
    d = distance(n->word, n->length, candidate, length);
    if (d >= n->distance)
        return;
    n->distance = d;
    memcpy(n->best, candidate, length + 1);
}

const char *view_nearest_get(const struct view_nearest *n)
{
    size_t length = strlen(n->best);
    size_t longer = length > n->length ? length : n->length;

    /* more than half of the word is another word */
    if (n->distance == SIZE_MAX)
        return "";
    return n->distance <= 1 + (longer - 1) / 4 && n->distance < longer ? n->best
                                                                       : "";
}
