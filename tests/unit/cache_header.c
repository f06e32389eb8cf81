// SPDX-License-Identifier: MIT
/* cache_tier.h alone, and with it cache.h, is a complete C17 translation
 * unit. */
#include "prepfs/cache_tier.h"

int cache_header_in_c(void);

int cache_header_in_c(void)
{
    struct cache_pin pin = {0};

    return (int)(pin.size + sizeof(struct cache_stats));
}
