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

int file_prefetch(struct files *f, const struct file *file, uint32_t unit,
                  bool *ret_made, struct error *err)
{
    uint32_t units = file_units(file);
    uint64_t at, end;

    *ret_made = false;
    if (unit >= units)
        return 0;
    at = file_unit_offset(file, unit);
    end =
        unit + 1 < units ? file_unit_offset(file, unit + 1) : file->layout.size;
    while (at < end) {
        struct file_piece piece = file_piece_at(file, at);

        if (file_piece_prefetch(f, file, &piece, ret_made, err) != 0)
            return -1;
        at = piece.offset + piece.size;
    }
    return 0;
}
