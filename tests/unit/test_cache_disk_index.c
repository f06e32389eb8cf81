// SPDX-License-Identifier: MIT
/*
 * test_cache_disk_index.c: the index is a map.
 */
#undef NDEBUG
#include <stdlib.h>
#include <string.h>

#include "disk_index.h"
#include "support/check_main.h"

/* --------------------------------------------------------------- the index */

START_TEST(the_index_is_a_map)
{
    enum { HASHES = 3000, STEPS = 200000 };
    static struct disk_place model[HASHES];
    struct disk_index index;
    struct disk_place place;
    uint64_t z = 7, count = 0;

    memset(model, 0, sizeof model);
    disk_index_init(&index, UINT64_MAX);
    for (int i = 0; i < STEPS; i++) {
        uint64_t n, hash;

        z = z * 6364136223846793005u + 1442695040888963407u;
        n = (z >> 33) % HASHES;
        hash = n % 1500 + (n / 1500 << 58); /* two parts, many collisions */
        if (z >> 62) {
            place = (struct disk_place){(uint32_t)(i % 5),
                                        (uint32_t)i % 0xFFFFFF + 1, 9, false};
            count += model[n].offset8 == 0;
            model[n] = place;
            ck_assert_int_eq(disk_index_put(&index, hash, &place), 0);
        } else if (model[n].offset8) {
            disk_index_remove(&index, hash, &model[n]);
            model[n].offset8 = 0;
            count--;
        }
        if (i % 20000 == 19999) {
            disk_index_remove_segment(&index, 3);
            for (size_t k = 0; k < HASHES; k++)
                if (model[k].offset8 && model[k].segment == 3) {
                    model[k].offset8 = 0;
                    count--;
                }
        }
        ck_assert(index.count == count);
        if (i % 1000 != 0)
            continue;
        for (n = 0; n < HASHES; n++) {
            hash = n % 1500 + (n / 1500 << 58);
            if (disk_index_find(&index, hash, &place) !=
                    (model[n].offset8 != 0) ||
                (model[n].offset8 != 0 &&
                 memcmp(&place, &model[n], sizeof place) != 0))
                ck_abort_msg("hash %llu after %d", (unsigned long long)hash, i);
        }
    }
    disk_index_deinit(&index);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_disk_index");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_index_is_a_map);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
