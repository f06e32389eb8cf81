// SPDX-License-Identifier: MIT
/*
 * fuzz_image.c: any view of any image: the leaf has the size that was promised,
 * and the same bytes in one go, in pieces, and once more.
 *
 * An input is BYTE_IMAGE_HEADER bytes of header (support/byte_image.h), a byte
 * that chooses format and part, the name of a view, a newline, and pixels.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "render/file.h"
#include "render/kept.h"
#include "render/render.h"
#include "support/byte_image.h"

/* Views that ask for more have nothing else that is new. */
#define BYTES_MAX (64u << 10)
#define PIXELS_MAX (16u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct page_maker maker;
static struct files *files;

static void init(void)
{
    struct cache_config cache = {.budget_bytes = 4 << 20, .shards = 1};
    struct error err = ERROR_INIT;
    struct files_config config = {
        .maker = &maker,
        .max_bytes_per_file = BYTES_MAX,
        .max_pixels = PIXELS_MAX,
        .plan_bytes = 1 << 20,
        .page_bytes = 1 << 20,
    };

    maker.tools = tools_new(1 << 20, &err);
    maker.kept = flight_new(1 << 20, kept_free, &err);
    maker.plane_bytes = 1 << 20;
    assert(maker.tools && maker.kept);
    config.cache = cache_new(&cache, &err);
    assert(config.cache);
    files = files_new(&config, &err);
    assert(files);
}

static void forget(void)
{
    files_forget(files);
    flight_drop_all(maker.kept);
}

/* ---- a leaf, whole --------------------------------------------------------
 */

struct leaf_bytes {
    uint8_t *data;
    size_t length;
    size_t size; /* as promised */
};

static int take(void *opaque, const uint8_t *bytes, size_t length,
                struct error *err)
{
    struct leaf_bytes *to = opaque;

    (void)err;
    assert(length <= to->size - to->length);
    memcpy(to->data + to->length, bytes, length);
    to->length += length;
    return 0;
}

static int stream(const struct file_id *id, const struct view *view,
                  struct leaf_bytes *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    *ret = (struct leaf_bytes){.data = NULL};
    if (file_get(files, id, view, &ref, &file, err) != 0)
        return -1;
    ret->size = (size_t)file->layout.size;
    assert(ret->size > 0 && ret->size <= BYTES_MAX);
    ret->data = malloc(ret->size);
    assert(ret->data);
    rc = file_stream(files, file, take, ret, err);
    assert(rc != 0 || ret->length == ret->size);
    file_put(files, &ref);
    return rc;
}

/* The same by pieces of any length. */
static void check_pieces(const struct file_id *id, const struct view *view,
                         const struct leaf_bytes *whole, size_t step)
{
    uint8_t *piece = malloc(whole->size);
    struct flight_ref ref = {NULL, NULL};
    struct error err = ERROR_INIT;
    const struct file *file;

    assert(piece);
    assert(file_get(files, id, view, &ref, &file, &err) == 0);
    assert(file->layout.size == whole->size);
    for (size_t at = 0; at < whole->size; at += step) {
        size_t n = whole->size - at < step ? whole->size - at : step;

        assert(file_copy(files, file, at, n, piece, &err) == 0);
        assert(memcmp(piece, whole->data + at, n) == 0);
    }
    file_put(files, &ref);
    free(piece);
}

/* What header data alone tells of the size is true, or the leaf is refused. */
static void check_early(const struct byte_image *image,
                        const struct file_id *id, const struct view *view,
                        const struct leaf_bytes *whole)
{
    const struct manifest_instance *row =
        id->object_id == 2 ? &image->volume : &image->row;
    struct error err = ERROR_INIT;
    uint64_t early = 0;
    int rc = file_early_size(NULL, PIXELS_MAX, (enum leaf_kind)id->kind,
                             id->part, view, row, &early, &err);

    assert(rc >= 0);
    assert(rc == 1 || early == whole->size);
}

static void check_error(const struct error *err)
{
    assert(err->kind != ERROR_NONE && err->kind != ERROR_INTERNAL &&
           err->kind != ERROR_NO_MEMORY);
    assert(err->msg[0] != '\0');
}

static void fuzz_leaf(const struct byte_image *image, const struct file_id *id,
                      const struct view *view)
{
    struct leaf_bytes first, again;
    struct error err = ERROR_INIT;
    int rc = stream(id, view, &first, &err);

    if (rc != 0) {
        check_error(&err);
    } else {
        check_early(image, id, view, &first);
        check_pieces(id, view, &first, first.size / 3 + 1);
        forget();
        assert(stream(id, view, &again, &err) == 0);
        assert(again.size == first.size);
        assert(memcmp(again.data, first.data, first.size) == 0);
        free(again.data);
    }
    free(first.data);
    forget();
}

/* ---- the input ------------------------------------------------------------
 */

static bool parse_view(const uint8_t *text, size_t length, struct view *ret)
{
    struct error err = ERROR_INIT;
    char name[VIEW_TEXT_SIZE];

    if (length >= sizeof name || memchr(text, '\0', length))
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    return view_parse(name, NULL, ret, NULL, &err) == 0 &&
           view_is_built(ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_id id = {.view_id = 1};
    struct byte_image image;
    const uint8_t *end;
    struct view view;

    if (!files)
        init();
    if (size <= BYTE_IMAGE_HEADER + 1)
        return 0;
    end = memchr(data + BYTE_IMAGE_HEADER + 1, '\n',
                 size - BYTE_IMAGE_HEADER - 1);
    if (!end ||
        !parse_view(data + BYTE_IMAGE_HEADER + 1,
                    (size_t)(end - data) - BYTE_IMAGE_HEADER - 1, &view))
        return 0;
    end++;
    if (!byte_image_make(&image, data, end, size - (size_t)(end - data)))
        return 0;
    id.object_id = view.select == VIEW_SELECT_SERIES ? 2 : 1;
    id.kind = data[BYTE_IMAGE_HEADER] % 4;
    id.part = view_parts_of(&view) == VIEW_PART_NONE
                  ? 0
                  : 1 + data[BYTE_IMAGE_HEADER] / 4 % 8u;
    fuzz_leaf(&image, &id, &view);
    return 0;
}
