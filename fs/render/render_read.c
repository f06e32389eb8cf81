// SPDX-License-Identifier: MIT
/*
 * render_read.c: the bytes of a leaf, for one reply, as a stream, or ahead of a
 * reader.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "render/render_impl.h"

/* ---- reads -------------------------------------------------------------- */

static void release(struct files *files, struct render_bytes *bytes)
{
    for (int i = 0; i < bytes->pin_count; i++)
        files_unpin(files, &bytes->pins[i]);
    free(bytes->copy);
    bytes->copy = NULL;
    bytes->iov_count = bytes->pin_count = 0;
    bytes->length = 0;
}

void render_release(struct render *r, struct render_bytes *bytes)
{
    release(render_files(r), bytes);
}

struct read_request {
    struct files *files;
    const struct file *file;
    uint64_t offset, end;
    bool may_work;
};

/* Pins one piece: 0, or 1 if it must be made and may not, or -1. */
static int pin_piece(const struct read_request *q,
                     const struct file_piece *piece, struct cache_pin *ret,
                     struct error *err)
{
    if (q->may_work)
        return file_piece_get(q->files, q->file, piece, ret, err);
    return file_piece_peek(q->files, q->file, piece, ret) ? 0 : 1;
}

static void add_iov(struct render_bytes *ret, const uint8_t *data, size_t n)
{
    /* iov_base is not const; a reply only reads it. */
    ret->iov[ret->iov_count].iov_base = (void *)(uintptr_t)data;
    ret->iov[ret->iov_count].iov_len = n;
    ret->iov_count++;
    ret->length += n;
}

/* Pins what is asked for, as far as there is room for it. */
static int read_pinned(const struct read_request *q, struct render_bytes *ret,
                       struct error *err)
{
    uint64_t at = q->offset;

    while (at < q->end && ret->pin_count < RENDER_IOV_MAX) {
        struct file_piece piece = file_piece_at(q->file, at);
        size_t skip = (size_t)(at - piece.offset);
        struct cache_pin *pin = &ret->pins[ret->pin_count];
        size_t n = piece.size - skip;
        int rc = pin_piece(q, &piece, pin, err);

        if (rc != 0)
            return rc;
        ret->pin_count++;
        if (n > q->end - at)
            n = (size_t)(q->end - at);
        add_iov(ret, pin->data + skip, n);
        at += n;
    }
    return 0;
}

/* Copies what is asked for, piece by piece. */
static int copy_pieces(const struct read_request *q, uint8_t *data,
                       struct error *err)
{
    uint64_t at = q->offset;

    while (at < q->end) {
        struct file_piece piece = file_piece_at(q->file, at);
        size_t skip = (size_t)(at - piece.offset);
        struct cache_pin pin = {NULL, 0, NULL};
        size_t n = piece.size - skip;
        int rc = pin_piece(q, &piece, &pin, err);

        if (rc != 0)
            return rc;
        if (n > q->end - at)
            n = (size_t)(q->end - at);
        memcpy(data + (at - q->offset), pin.data + skip, n);
        files_unpin(q->files, &pin);
        at += n;
    }
    return 0;
}

/* More pieces than fit a reply: one copy of all of them. */
static int read_copied(const struct read_request *q, struct render_bytes *ret,
                       struct error *err)
{
    size_t length = (size_t)(q->end - q->offset);
    int rc;

    ret->copy = malloc(length);
    if (!ret->copy)
        return error_no_memory(err);
    rc = copy_pieces(q, ret->copy, err);
    if (rc == 0)
        add_iov(ret, ret->copy, length);
    return rc;
}

/* A piece of several small pages failed: perhaps for one of them that was not
 * asked for. */
static int read_alone(const struct read_request *q, struct render_bytes *ret,
                      struct error *err)
{
    size_t length = (size_t)(q->end - q->offset);

    ret->copy = malloc(length);
    if (!ret->copy)
        return error_no_memory(err);
    if (file_copy(q->files, q->file, q->offset, length, ret->copy, err) != 0)
        return -1;
    add_iov(ret, ret->copy, length);
    return 0;
}

static bool concerns_a_page(const struct error *err)
{
    return err->kind == ERROR_CORRUPT || err->kind == ERROR_UNSUPPORTED;
}

static int read_file(const struct read_request *q, struct render_bytes *ret,
                     struct error *err)
{
    struct error own = ERROR_INIT;
    int rc = read_pinned(q, ret, &own);

    if (rc == 0 && ret->length == q->end - q->offset)
        return 0;
    release(q->files, ret);
    if (rc == 0)
        return read_copied(q, ret, err);
    if (rc < 0 && !q->file->is_split && q->file->plan.pages > 1 &&
        concerns_a_page(&own))
        return read_alone(q, ret, err);
    if (rc < 0 && err)
        *err = own;
    return rc;
}

/* Bytes [offset, end); one byte if it is at the end of the leaf. */
static void place_of(const struct file *file, uint64_t offset, uint64_t end,
                     struct render_place *ret)
{
    uint64_t last = end > offset ? end - 1 : offset;

    *ret = (struct render_place){
        .study_id = file->study_id,
        .digest = {file->file_digest[0], file->file_digest[1]},
        .unit = file_unit_at(file, offset),
        .units = file_units(file),
        .unit_bytes = file_unit_bytes(file),
        .leaf_bytes = file->layout.size,
        .first_piece = file_piece_at(file, offset).number,
        .last_piece = file_piece_at(file, last).number,
        .piece_bytes = file_piece_bytes(file),
    };
}

int render_read(struct render *r, const struct leaf *leaf, uint64_t offset,
                size_t length, bool may_work, struct render_bytes *ret,
                struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    struct read_request q = {render_files(r), NULL, offset, offset, may_work};
    int rc;

    ret->iov_count = ret->pin_count = 0;
    ret->length = 0;
    ret->copy = NULL;
    ret->place.units = 0;
    rc = render_file(r, leaf, may_work, &ref, &q.file, err);
    if (rc != 0)
        return rc;
    if (offset < q.file->layout.size) {
        q.end = length < q.file->layout.size - offset ? offset + length
                                                      : q.file->layout.size;
        place_of(q.file, offset, q.end, &ret->place);
    }
    rc = read_file(&q, ret, err);
    file_put(q.files, &ref);
    if (rc != 0)
        release(q.files, ret);
    return rc;
}

/* ---- streams ------------------------------------------------------------ */

void render_done_with(struct render *r, const struct file *file)
{
    if (file->plan.view.select == VIEW_SELECT_OBJECT && file->id.part == 0 &&
        file->object)
        frames_forget(render_sources(r), &file->object->frames.instance);
}

int render_stream(struct render *r, const struct leaf *leaf,
                  render_sink_fn sink, void *opaque, struct error *err)
{
    struct files *files = render_files(r);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    if (render_file(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    rc = file_stream(files, file, sink, opaque, err);
    render_done_with(r, file);
    file_put(files, &ref);
    return rc;
}

/* ---- jobs --------------------------------------------------------------- */

static uint64_t key_of_page(const struct leaf *leaf, uint32_t page)
{
    uint64_t numbers[] = {leaf->view_id, (uint64_t)leaf->object_id, leaf->part,
                          leaf->kind, page};

    return XXH3_64bits(numbers, sizeof numbers);
}

/* The key of the page at `offset`, or of that of `unit`: page 0 of a file that
 * is not laid out yet. */
static uint64_t key_at(struct render *r, const struct leaf *leaf,
                       uint64_t offset, const uint32_t *unit)
{
    struct file_id id = render_file_id(leaf);
    struct files *files = render_files(r);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    uint32_t page = 0;

    if (file_peek(files, &id, &ref, &file)) {
        page =
            file_page_at(file, unit ? file_unit_offset(file, *unit) : offset);
        file_put(files, &ref);
    }
    return key_of_page(leaf, page);
}

uint64_t render_job_key(struct render *r, const struct leaf *leaf,
                        uint64_t offset)
{
    return key_at(r, leaf, offset, NULL);
}

/* ---- reading ahead ------------------------------------------------------ */

uint64_t render_prefetch_key(struct render *r, const struct leaf *leaf,
                             uint32_t unit)
{
    return key_at(r, leaf, 0, &unit);
}

int render_prefetch(struct render *r, const struct leaf *leaf, uint32_t unit,
                    uint64_t max_bytes, bool *ret_made, struct error *err)
{
    struct files *files = render_files(r);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    *ret_made = false;
    if (render_file(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    rc = file_unit_bytes(file) > max_bytes
             ? 0
             : file_prefetch(files, file, unit, ret_made, err);
    file_put(files, &ref);
    return rc;
}
