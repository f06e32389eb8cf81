// SPDX-License-Identifier: MIT
/*
 * ahead.c: units of reading ahead, and making one.
 *
 * A unit is a page where pages are large, else a block's worth of them; a
 * file of one page is one unit. Its pieces go to the cache as blocks that
 * nobody has asked for yet.
 */
#include "render/file_impl.h"

/* Packed pages differ in size; their mean will do. */
static uint64_t page_size(const struct file *file)
{
    return (file->layout.size - file->layout.data_offset) / file->plan.pages;
}

static bool is_one_unit(const struct file *file)
{
    return file->text || file->plan.pages == 1;
}

static bool units_are_pages(const struct file *file)
{
    return file->is_split && page_size(file) >= 2 * CACHE_BLOCK_MAX;
}

uint32_t file_units(const struct file *file)
{
    if (is_one_unit(file))
        return 1;
    if (units_are_pages(file))
        return file->plan.pages;
    return (uint32_t)((file->layout.size + CACHE_BLOCK_MAX - 1) /
                      CACHE_BLOCK_MAX);
}

uint32_t file_unit_at(const struct file *file, uint64_t offset)
{
    if (is_one_unit(file))
        return 0;
    if (units_are_pages(file))
        return file_page_at(file, offset);
    return (uint32_t)(offset / CACHE_BLOCK_MAX);
}

uint64_t file_unit_bytes(const struct file *file)
{
    if (is_one_unit(file))
        return file->layout.size;
    return units_are_pages(file) ? page_size(file) : CACHE_BLOCK_MAX;
}

uint64_t file_unit_offset(const struct file *file, uint32_t unit)
{
    uint64_t from, to;

    if (is_one_unit(file) || unit == 0)
        return 0;
    if (!units_are_pages(file))
        return unit * (uint64_t)CACHE_BLOCK_MAX;
    layout_page_range(&file->layout, unit, &from, &to);
    return from;
}

uint64_t file_piece_bytes(const struct file *file)
{
    uint64_t size = file->layout.size;
    uint64_t pieces = size / CACHE_BLOCK_MAX + 1;

    if (file->is_split)
        pieces += file->plan.pages;
    return size / pieces ? size / pieces : 1;
}

/* The page that all of the unit is made from, held so that it is made once
 * even if nothing keeps it; none if the unit is of many small pages. */
static int hold_page(struct files *f, const struct file *file, uint32_t unit,
                     struct flight_ref *ref, struct error *err)
{
    const struct leaf_page *page;
    bool made;

    if (file->text || (!is_one_unit(file) && !units_are_pages(file)))
        return 0;
    return file_page_get(f, file, unit, ref, &page, &made, err);
}

/* The first piece from `at` on that is missing; `end` if none is. */
static uint64_t skip_present(struct files *f, const struct file *file,
                             uint64_t at, uint64_t end)
{
    while (at < end) {
        struct file_piece piece = file_piece_at(file, at);

        if (!file_piece_is_there(f, file, &piece))
            return at;
        at = piece.offset + piece.size;
    }
    return end;
}

static int make_pieces(struct files *f, const struct file *file, uint64_t at,
                       uint64_t end, bool *made, struct error *err)
{
    while (at < end) {
        struct file_piece piece = file_piece_at(file, at);

        if (file_piece_prefetch(f, file, &piece, made, err) != 0)
            return -1;
        at = piece.offset + piece.size;
    }
    return 0;
}

int file_prefetch(struct files *f, const struct file *file, uint32_t unit,
                  bool *ret_made, struct error *err)
{
    struct flight_ref page = {NULL, NULL};
    uint32_t units = file_units(file);
    uint64_t at, end;
    int rc;

    *ret_made = false;
    if (unit >= units)
        return 0;
    end =
        unit + 1 < units ? file_unit_offset(file, unit + 1) : file->layout.size;
    at = skip_present(f, file, file_unit_offset(file, unit), end);
    if (at == end)
        return 0;
    file_pieces_fetch(f, file, at, end);
    at = skip_present(f, file, at, end);
    if (at == end)
        return 0;
    if (hold_page(f, file, unit, &page, err) != 0)
        return -1;
    rc = make_pieces(f, file, at, end, ret_made, err);
    flight_put(f->pages, &page);
    return rc;
}
