// SPDX-License-Identifier: MIT
/*
 * many.h: a made-up archive of any size, always the same for the same numbers.
 *
 * Of 2,000 images 1,200 are of two CT studies (3 series of 200), 600 of three
 * MR studies (8 series of 25) and 200 of fifty small ones (one series of 4).
 * The last `large` images, a multiple of 10, are one study of ten series. UIDs
 * are random, as de-identification leaves them; files lie in a folder per
 * series, in inode order.
 *
 * Threads: reentrant.
 */
#ifndef SUPPORT_MANY_H
#define SUPPORT_MANY_H

#include "manifest/manifest_write.h"

enum { MANY_BLOCK = 2000, MANY_BLOCK_STUDIES = 55 };

struct many {
    uint64_t total; /* images */
    uint64_t large; /* of them, in one study; may be 0 */
};

/* Where an image is. Studies and series are numbered over the archive. */
struct many_place {
    uint64_t study, series;
    uint64_t number; /* in its series, from 0 */
    uint64_t first;  /* index of its series' first image */
};

struct many_texts {
    char path[96], study[65], series[65], sop[65], patient[32], date[16];
};

/* What is in the archive: for counting. */
uint64_t many_studies(const struct many *a);
uint64_t many_series(const struct many *a);

void many_place(const struct many *a, uint64_t i, struct many_place *ret);

/* Image `i` as the indexer hands it to manifest_write_batch: everything in
 * *ret points to *texts and *header. */
void many_entry(const struct many *a, uint64_t i, struct many_texts *texts,
                struct manifest_header *header, struct manifest_entry *ret);

/* Writes images [from, to) in batches, as the indexer does; ends its run. */
int many_write(struct manifest *m, const struct many *a, uint64_t from,
               uint64_t to, struct error *err);
int many_end(struct manifest *m, struct error *err);

#endif
