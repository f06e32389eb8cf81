// SPDX-License-Identifier: MIT
/*
 * piece.c: from a layout to bytes.
 *
 *     block      0          1          2          3
 *          |hhhh ppppp|pppppppppp|ppp qqqqqqq|qqqqqqqqqq|
 *     piece  0    1        2       3     4         5
 *
 * A piece is filled from the header (h) or from the page (p, q) that it is
 * part of. Rendering a page costs a decode, so all pieces of a page just made
 * are published along with the one that was asked for. Where pages are too
 * small to be cut apart, a piece is a whole block and is filled from every
 * page that it touches.
 */
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "render/file_impl.h"

/* A kernel reads no less, so smaller pages are never wanted alone. */
#define SPLIT_PAGE_BYTES 4096

/* Pieces that the cache's tiers are asked for at once. */
#define FETCH_MAX 32

/* Bytes that come from one of them together. */
#define FETCH_ON ((uint64_t)1 << 20)

bool file_is_split(const struct file *file)
{
    const struct layout *l = &file->layout;

    return !file->text && file->plan.pages > 1 &&
           (l->size - l->data_offset) / file->plan.pages >= SPLIT_PAGE_BYTES;
}

uint32_t file_page_at(const struct file *file, uint64_t offset)
{
    return layout_page_at(&file->layout, offset);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Numbers rise from piece to piece: either the block or the page does. */
struct file_piece file_piece_at(const struct file *file, uint64_t offset)
{
    const struct layout *l = &file->layout;
    uint64_t block = offset / CACHE_BLOCK_MAX;
    uint64_t from = block * CACHE_BLOCK_MAX;
    uint64_t to = least(from + CACHE_BLOCK_MAX, l->size);
    uint64_t page_from, page_to;
    uint32_t page;

    if (!file->is_split)
        return (struct file_piece){from, (size_t)(to - from), block};
    if (offset < l->data_offset) {
        to = least(to, l->data_offset);
        return (struct file_piece){from, (size_t)(to - from), block};
    }
    page = file_page_at(file, offset);
    layout_page_range(&file->layout, page, &page_from, &page_to);
    from = from > page_from ? from : page_from;
    to = least(to, page_to);
    return (struct file_piece){from, (size_t)(to - from), block + page + 1};
}

static struct cache_key key_of(const struct file *file,
                               const struct file_piece *piece)
{
    return (struct cache_key){{file->file_digest[0], file->file_digest[1]},
                              piece->number};
}

static void hint_of(const struct file *file, uint64_t start,
                    struct cache_hint *ret)
{
    const struct plan *p = &file->plan;

    if (file->layout.row_bytes == 0)
        return; /* packed bytes have no samples */
    ret->sample_bytes = (uint8_t)sample_bytes(p->out_type);
    ret->channels = (uint8_t)p->out_channels;
    ret->is_float = p->out_type == SAMPLE_F32 || p->out_type == SAMPLE_F64;
    ret->row_bytes = (uint32_t)file->layout.row_bytes;
    ret->samples_from =
        start < file->layout.data_offset
            ? (uint32_t)least(file->layout.data_offset - start, CACHE_BLOCK_MAX)
            : 0;
}

/* The part of [start, start+size) that [from, to) covers, copied there. */
static void overlay(uint8_t *data, uint64_t start, size_t size, uint64_t from,
                    uint64_t to, const uint8_t *bytes)
{
    uint64_t a = start > from ? start : from;
    uint64_t b = least(start + size, to);

    if (a < b)
        memcpy(data + (a - start), bytes + (a - from), (size_t)(b - a));
}

static void overlay_header(const struct file *file, uint8_t *data,
                           uint64_t start, size_t size)
{
    uint64_t end = least(file->layout.data_offset, start + size);

    if (start < end)
        layout_header_read(&file->layout, start, (size_t)(end - start), data);
}

/* ---- pages -------------------------------------------------------------- */

/* Has the packed page the sizes that the layout gives it? They were perhaps
 * measured by another run, and libtiff packs with libraries whose versions it
 * does not tell. */
static bool fits_layout(const struct file *file, uint32_t number,
                        const struct leaf_page *page)
{
    const struct tiff_layout *t = &file->layout.of.tiff;
    uint64_t from, to, first;

    layout_page_range(&file->layout, number, &from, &to);
    if (page->length != to - from)
        return false;
    if (!page->strip_bytes)
        return true;
    first = (uint64_t)number * t->strips.per_page;
    for (uint32_t i = 0; i < t->strips.per_page; i++)
        if (page->strip_bytes[i] != tiff_layout_strip_bytes(t, first + i))
            return false;
    return true;
}

static int page_get(struct files *f, const struct file *file, uint32_t number,
                    struct flight_ref *ref, const struct leaf_page **ret,
                    bool *ret_made, struct error *err)
{
    if (file_page_get(f, file, number, ref, ret, ret_made, err) != 0)
        return -1;
    if (fits_layout(file, number, *ret))
        return 0;
    flight_put(f->pages, ref);
    file_measure_again(f, file);
    return error_set(err, ERROR_STALE,
                     "page %u packs to another size than it did; look again",
                     number + 1);
}

/* A page that was just made and is offered to the cache in pieces. */
struct publication {
    struct files *files;
    const struct file *file;
    const uint8_t *bytes; /* of the page, which is [from, to) of the file */
    uint64_t from, to;
    uint64_t first;  /* where pieces that it fills may begin */
    uint64_t except; /* the piece that it was made for */
    bool ahead;      /* nobody has asked for that either */
    uint8_t *data;   /* a block's room */
};

static void publish_piece(struct publication *p, const struct file_piece *piece)
{
    struct cache *cache = p->files->config.cache;
    struct cache_hint hint = {0};
    struct cache_key key = key_of(p->file, piece);

    if (piece->offset == p->except || piece->offset < p->first ||
        piece->offset + piece->size > p->to ||
        piece->offset + piece->size <= p->file->layout.data_offset)
        return;
    if (!p->data && !(p->data = malloc(CACHE_BLOCK_MAX)))
        return;
    overlay_header(p->file, p->data, piece->offset, piece->size);
    overlay(p->data, piece->offset, piece->size, p->from, p->to, p->bytes);
    hint_of(p->file, piece->offset, &hint);
    if (p->ahead)
        cache_publish_ahead(cache, &key, p->data, piece->size, &hint);
    else
        cache_publish(cache, &key, p->data, piece->size, &hint);
}

/* Pieces that begin in [from, to), the last one first. */
static void publish_backwards(struct publication *p, uint64_t from, uint64_t to)
{
    while (to > from) {
        struct file_piece piece = file_piece_at(p->file, to - 1);

        publish_piece(p, &piece);
        to = piece.offset;
    }
}

/*
 * Offers every other piece that this page (and the header) fill completely. If
 * the page is more than the cache has room for, what is offered last stays
 * longest: that are the pieces after the one that was asked for, the nearest
 * at the very end, so that who reads on finds them.
 */
static void publish_page(struct files *f, const struct file *file,
                         uint32_t page, const uint8_t *bytes, uint64_t except,
                         bool ahead)
{
    struct publication p = {.files = f,
                            .file = file,
                            .bytes = bytes,
                            .except = except,
                            .ahead = ahead};

    layout_page_range(&file->layout, page, &p.from, &p.to);
    p.first = page == 0 && !file->is_split ? 0 : p.from;
    publish_backwards(&p, p.first, except);
    publish_backwards(&p, except > p.first ? except : p.first, p.to);
    free(p.data);
}

/* Copies what page `number` has of [start, start+size). */
static int copy_page(struct files *f, const struct file *file, uint32_t number,
                     uint64_t start, size_t size, uint8_t *data, bool ahead,
                     struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    uint64_t from, to;
    bool made;

    if (page_get(f, file, number, &ref, &page, &made, err) != 0)
        return -1;
    layout_page_range(&file->layout, number, &from, &to);
    overlay(data, start, size, from, to, page->bytes);
    if (made)
        publish_page(f, file, number, page->bytes, start, ahead);
    flight_put(f->pages, &ref);
    return 0;
}

static int copy_range(struct files *f, const struct file *file, uint64_t offset,
                      size_t length, uint8_t *data, bool ahead,
                      struct error *err)
{
    uint32_t page, last;

    if (file->text) {
        memcpy(data, file->text + offset, length);
        return 0;
    }
    overlay_header(file, data, offset, length);
    if (offset + length <= file->layout.data_offset)
        return 0;
    page = file_page_at(file, offset);
    last = file_page_at(file, offset + length - 1);
    for (; page <= last; page++)
        if (copy_page(f, file, page, offset, length, data, ahead, err) != 0)
            return -1;
    return 0;
}

int file_copy(struct files *f, const struct file *file, uint64_t offset,
              size_t length, uint8_t *data, struct error *err)
{
    return copy_range(f, file, offset, length, data, false, err);
}

/* ---- streams ------------------------------------------------------------ */

struct stream {
    render_sink_fn sink;
    void *opaque;
    uint64_t at;
};

static int stream_bytes(struct stream *s, const uint8_t *bytes, size_t length,
                        struct error *err)
{
    s->at += length;
    return s->sink(s->opaque, bytes, length, err);
}

/* The header, and what may lie between pages. */
static int stream_header(const struct file *file, struct stream *s,
                         uint64_t end, struct error *err)
{
    uint8_t data[8192];

    while (s->at < end) {
        size_t n = (size_t)least(end - s->at, sizeof data);

        memset(data, 0, n);
        overlay_header(file, data, s->at, n);
        if (stream_bytes(s, data, n, err) != 0)
            return -1;
    }
    return 0;
}

static int stream_page(struct files *f, const struct file *file,
                       uint32_t number, struct stream *s, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    uint64_t from, to;
    bool made;
    int rc;

    layout_page_range(&file->layout, number, &from, &to);
    if (page_get(f, file, number, &ref, &page, &made, err) != 0)
        return -1;
    rc = stream_header(file, s, from, err);
    if (rc == 0)
        rc = stream_bytes(s, page->bytes, (size_t)(to - from), err);
    flight_put(f->pages, &ref);
    file_page_forget(f, file, number);
    return rc;
}

int file_stream(struct files *f, const struct file *file, render_sink_fn sink,
                void *opaque, struct error *err)
{
    struct stream s = {sink, opaque, 0};

    if (file->text)
        return stream_bytes(&s, (const uint8_t *)file->text,
                            (size_t)file->layout.size, err);
    for (uint32_t page = 0; page < file->plan.pages; page++)
        if (stream_page(f, file, page, &s, err) != 0)
            return -1;
    return stream_header(file, &s, file->layout.size, err);
}

/* ---- pieces ------------------------------------------------------------- */

struct piece_request {
    struct files *files;
    const struct file *file;
    const struct file_piece *piece;
    bool ahead; /* for a reader that will come */
    bool filled;
};

static int piece_fill(void *opaque, const struct cache_key *key, uint8_t *data,
                      size_t size, struct cache_hint *hint, struct error *err)
{
    struct piece_request *r = opaque;

    (void)key;
    r->filled = true;
    hint_of(r->file, r->piece->offset, hint);
    return copy_range(r->files, r->file, r->piece->offset, size, data, r->ahead,
                      err);
}

void file_pieces_fetch(struct files *f, const struct file *file, uint64_t at,
                       uint64_t end)
{
    struct cache_key keys[FETCH_MAX];
    size_t sizes[FETCH_MAX], n;

    while (at < end) {
        for (n = 0; n < FETCH_MAX && at < end; n++) {
            struct file_piece piece = file_piece_at(file, at);

            keys[n] = key_of(file, &piece);
            sizes[n] = piece.size;
            at = piece.offset + piece.size;
        }
        /* Where nothing comes of some, nothing will of the rest. */
        if (cache_fetch_ahead(f->config.cache, keys, sizes, n) == 0)
            return;
    }
}

/* Who asks for a piece that is not in memory will ask for what follows it on
 * the page. If a tier has them, one question brings them all, and the rest is
 * answered at once when it is asked for. */
static void fetch_on(struct files *f, const struct file *file,
                     const struct file_piece *piece)
{
    uint64_t page_from, to = file->layout.size;

    if (file->is_split && piece->offset >= file->layout.data_offset)
        layout_page_range(&file->layout, file_page_at(file, piece->offset),
                          &page_from, &to);
    file_pieces_fetch(f, file, piece->offset,
                      least(to, piece->offset + FETCH_ON));
}

int file_piece_get(struct files *f, const struct file *file,
                   const struct file_piece *piece, struct cache_pin *ret,
                   struct error *err)
{
    struct piece_request request = {.files = f, .file = file, .piece = piece};
    struct cache_key key = key_of(file, piece);

    if (!cache_has(f->config.cache, &key))
        fetch_on(f, file, piece);
    return cache_get(f->config.cache, &key, piece->size, piece_fill, &request,
                     ret, err);
}

bool file_piece_peek(struct files *f, const struct file *file,
                     const struct file_piece *piece, struct cache_pin *ret)
{
    struct cache_key key = key_of(file, piece);

    return cache_try_get(f->config.cache, &key, piece->size, ret);
}

bool file_piece_is_there(struct files *f, const struct file *file,
                         const struct file_piece *piece)
{
    struct cache_key key = key_of(file, piece);

    return cache_has(f->config.cache, &key);
}

int file_piece_prefetch(struct files *f, const struct file *file,
                        const struct file_piece *piece, bool *made,
                        struct error *err)
{
    struct piece_request request = {
        .files = f, .file = file, .piece = piece, .ahead = true};
    struct cache_key key = key_of(file, piece);
    int rc = cache_prefetch(f->config.cache, &key, piece->size, piece_fill,
                            &request, err);

    *made |= request.filled;
    return rc;
}

void files_unpin(struct files *f, struct cache_pin *pin)
{
    cache_unpin(f->config.cache, pin);
}
