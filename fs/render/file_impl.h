// SPDX-License-Identifier: MIT
/* file_impl.h: what file.c and block.c share. */
#ifndef RENDER_FILE_IMPL_H
#define RENDER_FILE_IMPL_H

#include "render/file.h"
#include "render/pages.h"

struct files {
    struct files_config config;
    struct flight *resolved;
    struct pages *pages;
};

#endif
