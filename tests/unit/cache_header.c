// SPDX-License-Identifier: MIT
/* cache.h alone is a complete C17 translation unit. */
#include "prepfs/cache.h"

int cache_header_in_c(void);

int cache_header_in_c(void)
{
    struct cache_pin pin = {0};

    return (int)(pin.size + sizeof(struct cache_stats));
}
