// SPDX-License-Identifier: MIT
/* front.h: the parts of a mount on a pattern archive, without a mount. */
#ifndef SUPPORT_FRONT_H
#define SUPPORT_FRONT_H

#include <string.h>
#include <sys/stat.h>

#include "parts.h"
#include "support/check_main.h"
#include "support/pattern.h"
#include "support/scratch.h"

struct front {
    char *dir, *archive, *state, *presets;
    struct options options;
    struct paths paths;
    struct log log;
    struct parts parts;
};

/* `conf` is pattern.conf, `presets` the text of a preset file or NULL. */
static inline void front_open(struct front *f, const char *conf,
                              const char *presets)
{
    struct error err = ERROR_INIT;

    memset(f, 0, sizeof *f);
    f->dir = scratch_new();
    f->archive = scratch_text("%s/archive", f->dir);
    f->state = scratch_text("%s/state", f->dir);
    f->presets = scratch_text("%s/presets.ini", f->dir);
    scratch_write(f->dir, "archive/pattern.conf", conf, 0);
    if (presets)
        scratch_write(f->dir, "presets.ini", presets, 0);
    f->options.max_views = 100;
    f->options.max_bytes_per_file = 1 << 30;
    f->options.max_pixels = 1 << 30;
    f->options.uid = f->options.gid = -1;
    f->options.cache_bytes = 1 << 20;
    f->paths.archive = f->archive;
    f->paths.mountpoint = f->dir;
    f->paths.state_dir = f->state;
    f->paths.presets = presets ? f->presets : NULL;
    f->paths.mountpoint = f->archive;
    log_init(&f->log, stderr, LOG_LEVEL_ERROR);
    ck_assert_msg(parts_open(&f->parts, &f->options, &f->paths, NULL, &f->log,
                             NULL, &err) == 0,
                  "%s", err.msg);
}

static inline void front_close(struct front *f)
{
    parts_close(&f->parts);
    log_deinit(&f->log);
    free(f->archive);
    free(f->state);
    free(f->presets);
    scratch_free(f->dir);
}

#endif
