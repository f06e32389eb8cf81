// SPDX-License-Identifier: MIT
// They are C++17 as well, and link as C.
#include "prepfs/cache.h"
#include "prepfs/cache_tier.h"

extern "C" int cache_header_in_c(void);

int main()
{
    cache_config config{};
    error err{};

    config.budget_bytes = 1 << 20;
    cache *made = cache_new(&config, &err);
    cache_stats stats{};
    cache_stats_get(made, &stats);
    cache_free(made);
    return stats.budget_bytes == (1 << 20) && cache_header_in_c() > 0 ? 0 : 1;
}
