// SPDX-License-Identifier: MIT
/* dicom_promises.c: see dicom_promises.h. */
#undef NDEBUG
#include "support/dicom_promises.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_READ = 16 };

void promises_of_order(const struct dicom_header *h)
{
    for (int want = DICOM_ORDER_GEOMETRY; want <= DICOM_ORDER_STORED; want++) {
        struct dicom_order order;
        uint8_t *seen;

        if (dicom_order(h, (enum dicom_order_want)want, &order, NULL) != 0)
            continue;
        assert(order.n == h->frames);
        assert(order.z_spacing >= 0);
        seen = calloc(order.n + 1, 1);
        for (uint32_t i = 0; seen && i < order.n; i++) {
            assert(order.frames[i] < order.n);
            assert(!seen[order.frames[i]]++);
        }
        free(seen);
        dicom_order_deinit(&order);
    }
}

void promises_of_values(const struct dicom_header *h)
{
    uint32_t records = h->n_per_frame + 1;

    assert(h->n_per_frame == 0 || h->per_frame);
    for (uint32_t i = 0; i < records; i++) {
        const struct dicom_frame *f = dicom_frame_at(h, i);

        assert(f->n_windows == 0 ||
               f->window_first + f->n_windows <= h->n_windows);
        assert(f->n_voi_luts == 0 ||
               f->voi_lut_first + f->n_voi_luts <= h->n_voi_luts);
    }
    for (uint32_t i = 0; i < h->n_voi_luts; i++) {
        assert(h->voi_luts[i].n >= 1 && h->voi_luts[i].n <= 65536);
        assert(h->voi_luts[i].data[h->voi_luts[i].n - 1] <= h->voi_luts[i].max);
    }
    for (uint32_t i = 0; i < 3 && h->palette.n[0]; i++)
        assert(h->palette.data[i][h->palette.n[i] - 1] <= 65535);
    assert(h->spacing.x >= 0 && h->spacing.y >= 0 && h->spacing.z >= 0);
    assert(!h->study.is_name ||
           strspn(h->study.text, "0123456789.") == strlen(h->study.text));
}

void promises_of_frames(const struct dicom_source *s,
                        const struct dicom_header *h,
                        const struct dicom_extent *extents)
{
    for (uint64_t i = 0; i < h->frames && i < FRAMES_READ; i++) {
        struct error err = ERROR_INIT;
        uint8_t *bytes;
        size_t length;
        unsigned bit;

        if (dicom_frame_read(s, h, extents, i, &bytes, &length, &bit, &err) !=
            0) {
            assert(err.kind != ERROR_NONE && err.kind != ERROR_INTERNAL);
            continue;
        }
        assert(length > 0 && length <= dicom_source_size(s) && bit < 8);
        free(bytes);
    }
}
