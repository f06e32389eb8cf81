// SPDX-License-Identifier: MIT
/* engine.c: see engine.h. */
#undef NDEBUG
#include "support/engine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dicom/dicom.h"
#include "support/scratch.h"

static _Atomic uint64_t decoded_before;

void engine_init(struct engine *e)
{
    static bool is_ready;

    if (!is_ready) {
        dicom_global_init();
        is_ready = true;
    }
    *e = (struct engine){.cache_bytes = 64 << 20,
                         .config = {.frame_bytes = 64 << 20}};
    e->dir = scratch_new();
    e->archive = scratch_text("%s/archive", e->dir);
    e->state = scratch_text("%s/state", e->dir);
    ck_assert_int_eq(mkdir(e->archive, 0700), 0);
    ck_assert_int_eq(mkdir(e->state, 0700), 0);
}

static void stop(struct engine *e)
{
    render_free(e->render);
    cache_free(e->cache);
    e->render = NULL;
    e->cache = NULL;
}

static void close_manifest(struct engine *e)
{
    manifest_close(e->manifest);
    e->manifest = NULL;
}

void engine_deinit(struct engine *e)
{
    stop(e);
    close_manifest(e);
    free(e->archive);
    free(e->state);
    scratch_free(e->dir);
}

void engine_put(struct engine *e, const struct image_file *f)
{
    char *name = scratch_text("%s.dcm", f->sop);

    image_file_write(f, e->archive, name, 0);
    free(name);
}

static void open_manifest(struct engine *e)
{
    struct error err = ERROR_INIT;

    if (!e->manifest)
        e->manifest = manifest_open(e->state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(e->manifest != NULL, "%s", err.msg);
}

struct index_result engine_index(struct engine *e)
{
    struct index_dicom_config dicom = {0};
    struct index_parser parser;
    struct index_result result;
    struct error err = ERROR_INIT;

    open_manifest(e);
    index_dicom_parser(&dicom, &parser);

    struct index_config config = {.manifest = e->manifest,
                                  .archive = e->archive,
                                  .parser = &parser,
                                  .threads = 1,
                                  .allow_empty = true,
                                  .settle_ms = 1};

    ck_assert_msg(index_run(&config, &result, &err) == 0, "%s", err.msg);
    if (e->render)
        render_rescanned(e->render);
    return result;
}

static void start(struct engine *e)
{
    struct cache_config cache = {.budget_bytes = e->cache_bytes};
    struct error err = ERROR_INIT;

    open_manifest(e);
    e->cache = cache_new(&cache, &err);
    ck_assert_msg(e->cache != NULL, "%s", err.msg);
    e->config.manifest = e->manifest;
    e->config.cache = e->cache;
    e->config.archive = e->archive;
    e->render = render_new(&e->config, &err);
    ck_assert_msg(e->render != NULL, "%s", err.msg);
    decoded_before = 0;
}

void engine_start(struct engine *e)
{
    (void)engine_index(e);
    start(e);
}

void engine_restart(struct engine *e)
{
    stop(e);
    close_manifest(e);
    start(e);
}

void engine_resize(struct engine *e, uint64_t cache_bytes, uint64_t frame_bytes)
{
    e->cache_bytes = cache_bytes;
    e->config.frame_bytes = frame_bytes;
    engine_restart(e);
}

struct manifest_instance engine_instance(struct engine *e, const char *sop)
{
    struct manifest_folder study;
    struct manifest_instance i;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(manifest_study_by_name(e->manifest, "1.2.1", &study, &err),
                     1);
    ck_assert_msg(
        manifest_instance_by_name(e->manifest, study.id, sop, &i, &err) == 1,
        "no instance %s", sop);
    return i;
}

struct leaf engine_leaf(struct engine *e, const char *view, const char *sop)
{
    struct manifest_instance i = engine_instance(e, sop);
    struct leaf leaf = {.object_id = i.id, .kind = LEAF_TIFF};
    struct error err = ERROR_INIT;
    struct view v;

    ck_assert_msg(view_parse(view, NULL, &v, NULL, &err) == 0, "%s: %s", view,
                  err.msg);
    ck_assert_msg(render_view(e->render, &v, 0, &leaf.view_id, &err) == 0,
                  "%s: %s", view, err.msg);
    manifest_instance_deinit(&i);
    return leaf;
}

struct leaf engine_part(struct engine *e, const char *view, const char *sop,
                        uint32_t part, enum leaf_kind kind)
{
    struct leaf leaf = engine_leaf(e, view, sop);

    leaf.part = part;
    leaf.kind = kind;
    return leaf;
}

enum error_kind engine_size(struct engine *e, const struct leaf *leaf,
                            uint64_t *ret, struct error *err)
{
    struct leaf_attr attr = {0};
    struct error own = ERROR_INIT;
    int rc = render_attr(e->render, leaf, NULL, true, &attr, &own);

    ck_assert_int_ne(rc, 1);
    if (rc == 0)
        *ret = attr.size;
    else
        ck_assert_int_ne(own.kind, ERROR_NONE);
    if (err)
        *err = own;
    return rc == 0 ? ERROR_NONE : own.kind;
}

enum error_kind engine_read(struct engine *e, const struct leaf *leaf,
                            uint64_t offset, size_t length, size_t step,
                            uint8_t *data, size_t *ret_length,
                            struct error *err)
{
    struct error own = ERROR_INIT;
    struct render_bytes bytes;

    *ret_length = 0;
    while (*ret_length < length) {
        size_t rest = length - *ret_length;

        if (render_read(e->render, leaf, offset + *ret_length,
                        rest < step ? rest : step, true, &bytes, &own) != 0) {
            ck_assert_int_ne(own.kind, ERROR_NONE);
            ck_assert_str_ne(own.msg, "");
            if (err)
                *err = own;
            return own.kind;
        }
        ck_assert_uint_le(bytes.length, step);
        if (bytes.length == 0)
            break;
        for (int i = 0; i < bytes.iov_count; i++) {
            memcpy(data + *ret_length, bytes.iov[i].iov_base,
                   bytes.iov[i].iov_len);
            *ret_length += bytes.iov[i].iov_len;
        }
        render_release(e->render, &bytes);
    }
    return ERROR_NONE;
}

uint8_t *engine_bytes(struct engine *e, const struct leaf *leaf,
                      size_t *ret_size)
{
    struct error err = ERROR_INIT;
    uint64_t size = 0;
    uint8_t *data;

    ck_assert_msg(engine_size(e, leaf, &size, &err) == ERROR_NONE, "%s",
                  err.msg);
    data = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(data);
    /* One more than there is: the end must be the end. */
    ck_assert_msg(engine_read(e, leaf, 0, (size_t)size + 1, CACHE_BLOCK_MAX,
                              data, ret_size, &err) == ERROR_NONE,
                  "%s", err.msg);
    ck_assert_uint_eq(*ret_size, size);
    return data;
}

char *engine_text(struct engine *e, const struct leaf *leaf)
{
    size_t size;
    char *text = (char *)engine_bytes(e, leaf, &size);

    text[size] = '\0'; /* engine_bytes has room for one more */
    ck_assert_uint_eq(strlen(text), size);
    return text;
}

void engine_has(const char *text, const char *word)
{
    ck_assert_msg(strstr(text, word) != NULL, "%s is not in\n%s", word, text);
}

enum error_kind engine_try(struct engine *e, const struct leaf *leaf,
                           struct error *err)
{
    uint8_t *data = malloc(CACHE_BLOCK_MAX);
    enum error_kind kind = ERROR_NONE;
    uint64_t offset = 0;
    size_t n = 1;

    ck_assert_ptr_nonnull(data);
    for (; kind == ERROR_NONE && n > 0; offset += n)
        kind = engine_read(e, leaf, offset, CACHE_BLOCK_MAX, CACHE_BLOCK_MAX,
                           data, &n, err);
    free(data);
    return kind;
}

struct render_stats engine_stats(struct engine *e)
{
    struct render_stats stats;

    render_stats_get(e->render, &stats);
    return stats;
}

uint64_t engine_decoded(struct engine *e)
{
    uint64_t now = engine_stats(e).frames_decoded;
    uint64_t before = decoded_before;

    decoded_before = now;
    return now - before;
}
