// SPDX-License-Identifier: MIT
/*
 * Mean and standard deviation of a data set under a view, per channel: what
 * the operator norm-mM-sS wants.
 */
#include <inttypes.h>
#include <math.h>

#include "ctl/crew.h"
#include "ctl/ctl.h"
#include "ctl/signals.h"
#include "prepfs/lock.h"
#include "render/about.h"

struct measurement {
    const struct ctl_args *args;
    struct engine engine;
    struct progress progress;
    struct crew_result result;
    struct lock lock; /* protects what follows */
    struct render_moments all[RENDER_CHANNELS_MAX];
    uint32_t channels;
};

static enum crew_verdict work(void *opaque, unsigned worker,
                              const struct engine_leaf *leaf,
                              uint64_t *ret_bytes, struct error *err)
{
    struct measurement *m = opaque;
    struct render_moments own[RENDER_CHANNELS_MAX];
    uint32_t channels;
    bool fits;

    (void)worker;
    (void)ret_bytes;
    if (render_moments(m->engine.render, &leaf->leaf, own, &channels, err) != 0)
        return CREW_FAILED;
    lock_acquire(&m->lock);
    fits = m->channels == 0 || m->channels == channels;
    if (fits) {
        m->channels = channels;
        for (uint32_t c = 0; c < channels; c++)
            render_moments_merge(&m->all[c], &own[c]);
    }
    lock_release(&m->lock);
    if (fits)
        return CREW_DONE;
    (void)error_set(err, ERROR_UNSUPPORTED,
                    "has %u channels and others have not: gray or rgb makes "
                    "them alike",
                    channels);
    return CREW_FAILED;
}

static double sd_of(const struct render_moments *m)
{
    return m->count > 1 ? sqrt(m->m2 / (double)(m->count - 1)) : 0.0;
}

static void print(const struct measurement *m)
{
    (void)printf("files = %" PRIu64 ", samples per channel = %" PRIu64
                 ", channels = %u\n",
                 m->result.done, m->all[0].count, m->channels);
    for (uint32_t c = 0; c < m->channels; c++)
        (void)printf("Channel %u: mean = %.6f, std = %.6f, min = %.6g, "
                     "max = %.6g\n",
                     c, m->all[c].mean, sd_of(&m->all[c]), m->all[c].min,
                     m->all[c].max);
    if (m->channels == 1 && sd_of(&m->all[0]) > 0.0)
        (void)printf("norm-m%.6f-s%.6f\n", m->all[0].mean, sd_of(&m->all[0]));
}

static int run(struct measurement *m, struct manifest *manifest,
               struct error *err)
{
    struct crew_config config = {
        .engine = &m->engine,
        .strict = m->args->values[CTL_STRICT] != NULL,
        .cancel = &signals_cancelled,
        .progress = &m->progress,
        .work = work,
        .opaque = m,
    };
    struct view view;

    if (ctl_jobs(m->args, &config.threads, err) != 0 ||
        ctl_view(m->args, m->args->positional[0], &view, err) != 0 ||
        ctl_where(m->args, manifest, err) != 0 ||
        ctl_engine_open(&m->engine, m->args, m->args->positional[1], manifest,
                        err) != 0)
        return -1;
    /* Samples, whatever they would be packed in; of halves the singles. */
    view.list = VIEW_EXT_NPY;
    view.pack = VIEW_PACK_NONE;
    if (view.dtype == VIEW_DTYPE_F16)
        view.dtype = VIEW_DTYPE_F32;
    if (render_view(m->engine.render, &view, 0, &config.view_id, err) != 0 ||
        crew_run(&config, &m->result, err) != 0)
        return -1;
    if (m->result.done + m->result.failed > 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "there is no image for this view");
}

int cmd_measure(const struct ctl_args *args)
{
    struct measurement m = {.args = args};
    struct error err = ERROR_INIT;
    struct manifest *manifest =
        ctl_open(args, args->positional[1], CTL_WRITE, NULL, &err);
    int rc;

    if (!manifest)
        return ctl_fail(args, &err);
    progress_init(&m.progress, args->program, args->values[CTL_QUIET] != NULL);
    lock_init(&m.lock);
    signals_catch();
    rc = run(&m, manifest, &err);
    engine_close(&m.engine);
    manifest_close(manifest);
    lock_deinit(&m.lock);
    if (rc != 0) {
        rc = ctl_fail(args, &err);
        signals_pass_on();
        return rc;
    }
    print(&m);
    rc = ctl_finish_output(args);
    return rc == CTL_OK && m.result.failed > 0 ? CTL_FAILED : rc;
}
