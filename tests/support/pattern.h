// SPDX-License-Identifier: MIT
/*
 * pattern.h: an archive without DICOM, for everything above fs/render.
 *
 * prepfs-pattern is the front of prepfs (main, options, tree, ops, pool, ...)
 * linked with stand-ins for the manifest, the indexer and the renderer. It
 * takes the same command line; ARCHIVE is a folder with a file pattern.conf:
 *
 *     studies 3            folders of every view
 *     series 2             of every study
 *     leaves 10            images of every study, dealt to its series
 *     bytes 300000         of the first image; the next has `step` more
 *     step 1
 *     frames 1             of every image
 *     measure_ms 0         to find the size where it needs pixels
 *     read_ms 0            for the first read of an image
 *     index_files 0        files the indexer looks at, and how long at each
 *     index_ms 0
 *     generation 0         raise it to replace all images of study 1
 *     error 3 corrupt read     image 3 of every study fails: kind, then where
 *                              (attr or read)
 *
 * The file is read when the mount starts and at each pass of the indexer.
 * Without delays and errors it is a file system of constant bytes whose
 * every answer comes from the FUSE thread: what the best renderer and cache
 * could reach.
 *
 * Byte `o` of image `id` under view `v` is
 *     noise[(o + id * 4099 + v * 257) mod 2^20]
 * where noise[i] is the top byte of the i-th state of x*6364136223846793005
 * + 1442695040888963407 (mod 2^64), starting with x = 1.
 *
 * Threads: struct pattern is a value; pattern_load reads a file.
 */
#ifndef SUPPORT_PATTERN_H
#define SUPPORT_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"

enum { PATTERN_ERRORS = 16, PATTERN_NOISE = 1 << 20 };

struct pattern_error {
    uint64_t leaf; /* 0-based, in every study */
    enum error_kind kind;
    bool at_attr; /* else at read */
};

struct pattern {
    uint64_t studies, series, leaves;
    uint64_t bytes, step, frames;
    uint64_t measure_ms, read_ms;
    uint64_t index_files, index_ms;
    uint64_t generation;
    struct pattern_error errors[PATTERN_ERRORS];
    uint64_t n_errors;
};

/* Reads ARCHIVE/pattern.conf; what it leaves out is as above. */
int pattern_load(const char *archive, struct pattern *ret, struct error *err);

/* Ids of the manifest, from numbers that start at 0. */
int64_t pattern_instance_id(const struct pattern *p, uint64_t study,
                            uint64_t leaf);
bool pattern_instance_place(const struct pattern *p, int64_t id,
                            uint64_t *ret_study, uint64_t *ret_leaf,
                            bool *ret_gone);
uint64_t pattern_size(const struct pattern *p, uint64_t leaf);

/* What is wrong with an image; NULL if nothing. */
const struct pattern_error *pattern_error_of(const struct pattern *p,
                                             uint64_t leaf);

/* PATTERN_NOISE bytes, twice in a row; made once. */
const uint8_t *pattern_noise(void);

/* The pattern of the manifest that is open; fake_manifest.c. Values of one
 * moment: a pass of the indexer may replace it. */
struct manifest;
struct pattern pattern_of(struct manifest *m);

/* For the indexer: takes the file's present text over. */
int pattern_reload(struct manifest *m, bool complete, struct error *err);

#endif
