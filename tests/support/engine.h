// SPDX-License-Identifier: MIT
/*
 * engine.h: an archive in a private folder, its index and its renderer, as a
 * mount has them, without FUSE. For tests; failures are failures of the test.
 *
 * Threads: the calls that read may be made by several threads at once.
 */
#ifndef TESTS_SUPPORT_ENGINE_H
#define TESTS_SUPPORT_ENGINE_H

#include "index/index.h"
#include "render/render.h"
#include "support/image_file.h"

struct engine {
    char *dir;
    char *archive;
    char *state;
    struct manifest *manifest;
    struct cache *cache;
    struct render *render;
    uint64_t cache_bytes;
    struct render_config config; /* limits; set before engine_start */
};

/* An empty archive; nothing runs yet. */
void engine_init(struct engine *e);
void engine_deinit(struct engine *e);

/* Adds an image as SOP.dcm. */
void engine_put(struct engine *e, const struct image_file *f);

/* Opens the manifest if need be and indexes. */
struct index_result engine_index(struct engine *e);

/* Indexes, and makes cache and renderer. */
void engine_start(struct engine *e);

/* Everything but the files is thrown away and made again: a remount. */
void engine_restart(struct engine *e);

/* The same, but the cache is only as large as `bytes`. */
void engine_resize(struct engine *e, uint64_t cache_bytes,
                   uint64_t frame_bytes);

/* A leaf by view and SOP UID; engine_part of any format and part. */
struct leaf engine_leaf(struct engine *e, const char *view, const char *sop);
struct leaf engine_part(struct engine *e, const char *view, const char *sop,
                        uint32_t part, enum leaf_kind kind);
struct manifest_instance engine_instance(struct engine *e, const char *sop);

/* render_attr's size; the kind of its error, or ERROR_NONE. */
enum error_kind engine_size(struct engine *e, const struct leaf *leaf,
                            uint64_t *ret, struct error *err);

/* Reads [offset, offset + length) to `data` by as many calls as it takes, each
 * for at most `step` bytes; *ret_length is less than `length` at the end. */
enum error_kind engine_read(struct engine *e, const struct leaf *leaf,
                            uint64_t offset, size_t length, size_t step,
                            uint8_t *data, size_t *ret_length,
                            struct error *err);

/* A whole leaf, malloc'd; its size is asserted to be what render_attr says. */
uint8_t *engine_bytes(struct engine *e, const struct leaf *leaf,
                      size_t *ret_size);

/* The same of a .json, with its NUL; and the test that it has a word. */
char *engine_text(struct engine *e, const struct leaf *leaf);
void engine_has(const char *text, const char *word);

/* The kind of error that reading the whole leaf gives. */
enum error_kind engine_try(struct engine *e, const struct leaf *leaf,
                           struct error *err);

struct render_stats engine_stats(struct engine *e);
/* Frames decoded since the last call of this function. */
uint64_t engine_decoded(struct engine *e);

#endif
