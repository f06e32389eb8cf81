// SPDX-License-Identifier: MIT
/*
 * fake_manifest.c: manifest.h and state.h for a pattern archive.
 *
 * Rows are computed, not stored; only what must survive a remount is kept in
 * the state folder: the archive's path, the views (one per line, the line's
 * number is the id) and whether an index was ever completed.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest.h"
#include "manifest/manifest_cohort.h"
#include "manifest/manifest_publish.h"
#include "manifest/manifest_write.h"
#include "manifest/state.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"
#include "support/pattern.h"
#include "view/view.h"

enum { VIEWS_MAX = 4096, ERRORS_MAX = 64, MTIME_S = 1700000000 };

struct row { /* of table error */
    int64_t source_id;
    uint16_t view_id;
    int code;
    char stage[16];
    char message[ERROR_MSG_MAX];
};

struct manifest {
    char state_dir[PATH_MAX];
    char archive[PATH_MAX];
    struct lock lock;
    struct pattern pattern;
    bool complete;
    int64_t epoch;
    struct row errors[ERRORS_MAX];
    unsigned n_errors;
    char *views[VIEWS_MAX + 1]; /* by id */
    uint16_t n_views;
};

/* ---- state folder ---- */

static void state_path(const char *dir, const char *name,
                       char ret[PATH_MAX + 32])
{
    (void)snprintf(ret, PATH_MAX + 32, "%s/%s", dir, name);
}

int state_prepare(const char *archive, const char *wanted, bool create,
                  char **ret, struct error *err)
{
    char path[PATH_MAX + 32];
    const char *dir = wanted ? wanted : "/tmp/prepfs-pattern-state";
    FILE *out;

    if (create && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return error_set_sys(err, errno, "%s: %s", dir, strerrordesc_np(errno));
    state_path(dir, "archive", path);
    out = fopen(path, "we");
    if (!out)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    fprintf(out, "%s\n", archive);
    (void)fclose(out);
    *ret = strdup(dir);
    return *ret ? 0 : error_no_memory(err);
}

static FILE *open_state(const struct manifest *m, const char *name,
                        const char *mode)
{
    char path[PATH_MAX + 32];

    state_path(m->state_dir, name, path);
    return fopen(path, mode);
}

static void load_views(struct manifest *m)
{
    char line[VIEW_TEXT_SIZE + 2];
    FILE *in = open_state(m, "views", "re");

    while (in && m->n_views < VIEWS_MAX && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        m->views[++m->n_views] = strdup(line);
    }
    if (in)
        (void)fclose(in);
}

struct manifest *manifest_open(const char *state_dir, enum manifest_mode mode,
                               struct error *err)
{
    struct manifest *m = calloc(1, sizeof *m);
    char path[PATH_MAX + 32];
    FILE *in;

    (void)mode;
    if (!m) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&m->lock);
    (void)snprintf(m->state_dir, sizeof m->state_dir, "%s", state_dir);
    in = open_state(m, "archive", "re");
    if (!in || !fgets(m->archive, sizeof m->archive, in)) {
        (void)error_set(err, ERROR_IO, "no archive in %s", state_dir);
        manifest_close(m);
        m = NULL;
    }
    if (in)
        (void)fclose(in);
    if (!m)
        return NULL;
    m->archive[strcspn(m->archive, "\n")] = '\0';
    if (pattern_load(m->archive, &m->pattern, err) < 0) {
        manifest_close(m);
        return NULL;
    }
    load_views(m);
    state_path(m->state_dir, "complete", path);
    m->complete = access(path, F_OK) == 0;
    return m;
}

void manifest_close(struct manifest *m)
{
    if (!m)
        return;
    for (unsigned i = 1; i <= m->n_views; i++)
        free(m->views[i]);
    lock_deinit(&m->lock);
    free(m);
}

void manifest_set_patience(struct manifest *m, unsigned ms)
{
    (void)m;
    (void)ms;
}

const char *manifest_set_aside(const struct manifest *m)
{
    (void)m;
    return NULL;
}

struct pattern pattern_of(struct manifest *m)
{
    struct pattern p;

    lock_acquire(&m->lock);
    p = m->pattern;
    lock_release(&m->lock);
    return p;
}

int pattern_reload(struct manifest *m, bool complete, struct error *err)
{
    struct pattern p;
    FILE *out;

    if (pattern_load(m->archive, &p, err) < 0)
        return -1;
    lock_acquire(&m->lock);
    if (p.generation != m->pattern.generation ||
        p.studies != m->pattern.studies || p.leaves != m->pattern.leaves)
        m->epoch++;
    m->pattern = p;
    m->complete = m->complete || complete;
    lock_release(&m->lock);
    out = complete ? open_state(m, "complete", "we") : NULL;
    if (out)
        (void)fclose(out);
    return 0;
}

int manifest_parser(struct manifest *m, char **ret, struct error *err)
{
    bool complete;

    lock_acquire(&m->lock);
    complete = m->complete;
    lock_release(&m->lock);
    if (!complete)
        return 0;
    *ret = strdup("pattern");
    return *ret ? 1 : error_no_memory(err);
}

int64_t manifest_epoch(struct manifest *m, struct error *err)
{
    int64_t epoch;

    (void)err;
    lock_acquire(&m->lock);
    epoch = m->epoch;
    lock_release(&m->lock);
    return epoch;
}

/* ---- instances ---- */

static void fill_instance(const struct pattern *p, uint64_t study,
                          uint64_t leaf, bool gone,
                          struct manifest_instance *ret)
{
    uint64_t series = leaf % p->series;

    memset(ret, 0, sizeof *ret);
    ret->id = pattern_instance_id(p, study, leaf);
    ret->study_id = (int64_t)study + 1;
    ret->series_id = (int64_t)(study * p->series + series) + 1;
    ret->source_id = ret->id;
    (void)snprintf(ret->name, sizeof ret->name,
                   "1.2.%" PRIu64 ".%" PRIu64 ".%" PRIu64, study + 1,
                   series + 1, leaf + 1);
    (void)snprintf(ret->study_name, sizeof ret->study_name, "1.2.%" PRIu64,
                   study + 1);
    (void)snprintf(ret->series_name, sizeof ret->series_name,
                   "1.2.%" PRIu64 ".%" PRIu64, study + 1, series + 1);
    ret->frames = (uint32_t)p->frames;
    ret->frames_known = true;
    ret->decodable = true;
    ret->acquired_s = MTIME_S;
    ret->has_pixels = true;
    ret->gone = gone;
}

void manifest_instance_deinit(struct manifest_instance *i)
{
    free(i->relpath);
    i->relpath = NULL;
}

int manifest_instance_by_id(struct manifest *m, int64_t id,
                            struct manifest_instance *ret, struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t study, leaf;
    bool gone;

    (void)err;
    if (!pattern_instance_place(&p, id, &study, &leaf, &gone))
        return 0;
    fill_instance(&p, study, leaf, gone, ret);
    ret->id = id;
    return 1;
}

int manifest_instance_by_name(struct manifest *m, int64_t study_id,
                              const char *name, struct manifest_instance *ret,
                              struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t study, series, leaf;
    int n = 0;

    (void)err;
    if (sscanf(name, "1.2.%" SCNu64 ".%" SCNu64 ".%" SCNu64 "%n", &study,
               &series, &leaf, &n) != 3 ||
        name[n] || study != (uint64_t)study_id || leaf < 1 || leaf > p.leaves)
        return 0;
    fill_instance(&p, study - 1, leaf - 1, false, ret);
    return strcmp(ret->name, name) == 0;
}

/* ---- folders ---- */

static int fill_folder(int64_t id, const char *name,
                       struct manifest_folder *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->id = id;
    ret->mtime_s = MTIME_S;
    (void)snprintf(ret->name, sizeof ret->name, "%s", name);
    return 1;
}

int manifest_study_by_id(struct manifest *m, int64_t id,
                         struct manifest_folder *ret, struct error *err)
{
    struct pattern p = pattern_of(m);
    char name[32];

    (void)err;
    if (id < 1 || (uint64_t)id > p.studies)
        return 0;
    (void)snprintf(name, sizeof name, "1.2.%" PRId64, id);
    return fill_folder(id, name, ret);
}

int manifest_study_by_name(struct manifest *m, const char *name,
                           struct manifest_folder *ret, struct error *err)
{
    int64_t id;
    int n = 0;

    if (sscanf(name, "1.2.%" SCNd64 "%n", &id, &n) != 1 || name[n])
        return 0;
    if (manifest_study_by_id(m, id, ret, err) != 1)
        return 0;
    return strcmp(ret->name, name) == 0;
}

int manifest_series_by_id(struct manifest *m, int64_t id,
                          struct manifest_folder *ret, int64_t *ret_study_id,
                          struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t n = (uint64_t)id - 1;
    char name[64];

    (void)err;
    if (id < 1 || n >= p.studies * p.series)
        return 0;
    *ret_study_id = (int64_t)(n / p.series) + 1;
    (void)snprintf(name, sizeof name, "1.2.%" PRIu64 ".%" PRIu64,
                   n / p.series + 1, n % p.series + 1);
    return fill_folder(id, name, ret);
}

int manifest_series_by_name(struct manifest *m, int64_t study_id,
                            const char *name, struct manifest_folder *ret,
                            struct error *err)
{
    struct pattern p = pattern_of(m);
    int64_t study, series, found;
    int n = 0;

    if (sscanf(name, "1.2.%" SCNd64 ".%" SCNd64 "%n", &study, &series, &n) !=
            2 ||
        name[n] || study != study_id || series < 1 ||
        (uint64_t)series > p.series)
        return 0;
    return manifest_series_by_id(m, (study - 1) * (int64_t)p.series + series,
                                 ret, &found, err);
}

int manifest_list_studies(struct manifest *m, int64_t after, unsigned limit,
                          struct manifest_folder *ret, struct error *err)
{
    int n = 0;

    while ((unsigned)n < limit &&
           manifest_study_by_id(m, after + n + 1, &ret[n], err) == 1)
        n++;
    return n;
}

int manifest_list_series(struct manifest *m, int64_t study_id, int64_t after,
                         unsigned limit, struct manifest_folder *ret,
                         struct error *err)
{
    struct pattern p = pattern_of(m);
    int64_t first = (study_id - 1) * (int64_t)p.series + 1;
    int64_t id = after + 1 > first ? after + 1 : first;
    int64_t found;
    int n = 0;

    while ((unsigned)n < limit &&
           manifest_series_by_id(m, id, &ret[n], &found, err) == 1 &&
           found == study_id) {
        n++;
        id++;
    }
    return n;
}

int manifest_list_instances(struct manifest *m, int64_t study_id,
                            int64_t series_id, int64_t after, unsigned limit,
                            struct manifest_instance *ret, struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t study = (uint64_t)study_id - 1, leaf;
    int64_t before = pattern_instance_id(&p, study, 0) - 1;
    int n = 0;

    (void)err;
    if (study_id < 1 || study >= p.studies)
        return 0;
    leaf = after > before ? (uint64_t)(after - before) : 0;
    for (; leaf < p.leaves && (unsigned)n < limit; leaf++) {
        fill_instance(&p, study, leaf, false, &ret[n]);
        if (series_id == 0 || ret[n].series_id == series_id)
            n++;
    }
    return n;
}

/* ---- volumes: one for every series, with numbers of their own ---- */

enum { FIRST_VOLUME = 1 << 24 };

int manifest_volume_by_id(struct manifest *m, int64_t id,
                          struct manifest_instance *ret, struct error *err)
{
    struct pattern p = pattern_of(m);
    struct manifest_folder series;
    int64_t study;

    if (manifest_series_by_id(m, id - FIRST_VOLUME, &series, &study, err) != 1)
        return 0;
    fill_instance(&p, (uint64_t)study - 1, (uint64_t)(series.id - 1) % p.series,
                  false, ret);
    ret->id = id;
    ret->slices = ret->frames = (uint32_t)(p.leaves / p.series);
    memcpy(ret->name, series.name, sizeof ret->name);
    return 1;
}

int manifest_volume_by_name(struct manifest *m, int64_t study_id,
                            const char *series_name,
                            struct manifest_instance *ret, struct error *err)
{
    struct manifest_folder series;

    if (manifest_series_by_name(m, study_id, series_name, &series, err) != 1)
        return 0;
    return manifest_volume_by_id(m, FIRST_VOLUME + series.id, ret, err);
}

int manifest_list_volumes(struct manifest *m, int64_t study_id,
                          int64_t series_id, int64_t after, unsigned limit,
                          struct manifest_instance *ret, struct error *err)
{
    struct manifest_folder folder;
    int64_t id = after > FIRST_VOLUME ? after - FIRST_VOLUME : 0;
    int n = 0;

    while ((unsigned)n < limit &&
           manifest_list_series(m, study_id, id, 1, &folder, err) == 1) {
        id = folder.id;
        if (series_id == 0 || series_id == id)
            n += manifest_volume_by_id(m, FIRST_VOLUME + id, &ret[n], err);
    }
    return n;
}

/* Names are numbers, of which 10 comes before 2. */
static int compare_decimal(const void *a, const void *b)
{
    char x[24], y[24];

    (void)snprintf(x, sizeof x, "%" PRId64, *(const int64_t *)a);
    (void)snprintf(y, sizeof y, "%" PRId64, *(const int64_t *)b);
    return strcmp(x, y);
}

/* Named as if there were one series. */
int manifest_study_order(struct manifest *m, int64_t study_id, unsigned limit,
                         int64_t **ret_ids, int64_t **ret_named,
                         uint32_t *ret_n, struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t n = p.leaves < limit ? p.leaves : limit;
    int64_t *ids = calloc(n + 1, sizeof *ids);
    int64_t *named = calloc(n + 1, sizeof *named);

    if (!ids || !named) {
        free(ids);
        free(named);
        return error_no_memory(err);
    }
    for (uint64_t i = 0; i < n; i++)
        named[i] = (int64_t)i + 1;
    qsort(named, n, sizeof *named, compare_decimal);
    for (uint64_t i = 0; i < n; i++) {
        ids[i] = pattern_instance_id(&p, (uint64_t)study_id - 1, i);
        named[i] = pattern_instance_id(&p, (uint64_t)study_id - 1,
                                       (uint64_t)named[i] - 1);
    }
    *ret_ids = ids;
    *ret_named = named;
    *ret_n = (uint32_t)n;
    return 0;
}

int manifest_count_entries(struct manifest *m, int64_t study_id,
                           int64_t series_id, unsigned limit, struct error *err)
{
    struct pattern p = pattern_of(m);
    uint64_t n = p.leaves;

    (void)err;
    if (study_id == 0)
        n = p.studies;
    else if (series_id)
        n = p.leaves / p.series + 1;
    return (int)(n < limit ? n : limit);
}

/* A pattern's images are replaced under their names, never taken away. */
int manifest_list_present(struct manifest *m, int64_t study_id, int64_t after,
                          unsigned limit, struct manifest_instance *ret,
                          struct error *err)
{
    return manifest_list_instances(m, study_id, 0, after, limit, ret, err);
}

int manifest_list_gone(struct manifest *m, int64_t study_id, int64_t after,
                       unsigned limit, struct manifest_instance *ret,
                       struct error *err)
{
    (void)m;
    (void)study_id;
    (void)after;
    (void)limit;
    (void)ret;
    (void)err;
    return 0;
}

/* Any change counts for all studies. */
int manifest_list_changed(struct manifest *m, int64_t epoch, int64_t after,
                          unsigned limit, struct manifest_folder *ret,
                          struct error *err)
{
    if (epoch >= manifest_epoch(m, err))
        return 0;
    return manifest_list_studies(m, after, limit, ret, err);
}

int manifest_totals(struct manifest *m, struct manifest_totals *ret,
                    struct error *err)
{
    struct pattern p = pattern_of(m);

    (void)err;
    memset(ret, 0, sizeof *ret);
    ret->sources = p.studies * p.leaves;
    ret->instances = ret->sources;
    ret->images = ret->sources;
    ret->studies = p.studies;
    ret->series = p.studies * p.series;
    lock_acquire(&m->lock);
    ret->errors = m->n_errors;
    lock_release(&m->lock);
    ret->source_bytes = ret->images * p.bytes;
    return 0;
}

/* ---- views ---- */

static uint16_t find_view_locked(const struct manifest *m, const char *text)
{
    for (unsigned i = 1; i <= m->n_views; i++) {
        if (strcmp(m->views[i], text) == 0)
            return (uint16_t)i;
    }
    return 0;
}

static int add_view_locked(struct manifest *m, const char *text,
                           unsigned max_views, struct error *err)
{
    FILE *out;

    if (m->n_views >= VIEWS_MAX || (max_views && m->n_views >= max_views))
        return error_set(err, ERROR_QUOTA, "%u views are in use already",
                         m->n_views);
    out = open_state(m, "views", "ae");
    if (out) {
        fprintf(out, "%s\n", text);
        (void)fclose(out);
    }
    m->views[++m->n_views] = strdup(text);
    return 0;
}

int manifest_view_intern(struct manifest *m, const char *canonical,
                         unsigned max_views, uint16_t *ret_id,
                         struct error *err)
{
    int rc = 0;

    lock_acquire(&m->lock);
    *ret_id = find_view_locked(m, canonical);
    if (*ret_id == 0) {
        rc = add_view_locked(m, canonical, max_views, err);
        *ret_id = m->n_views;
    }
    lock_release(&m->lock);
    return rc;
}

int manifest_view_by_id(struct manifest *m, uint16_t id, char **ret_canonical,
                        struct error *err)
{
    int rc = 0;

    lock_acquire(&m->lock);
    if (id >= 1 && id <= m->n_views) {
        *ret_canonical = strdup(m->views[id]);
        rc = *ret_canonical ? 1 : error_no_memory(err);
    }
    lock_release(&m->lock);
    return rc;
}

int manifest_view_by_dirname(struct manifest *m, const char *dirname,
                             uint16_t *ret_id, char **ret_canonical,
                             struct error *err)
{
    char name[VIEW_DIRNAME_MAX + 1];
    struct view view;
    char *text;

    for (unsigned id = 1; id < VIEWS_MAX; id++) {
        text = NULL;
        if (manifest_view_by_id(m, (uint16_t)id, &text, err) != 1)
            return 0;
        if (view_parse_stored(text, &view, NULL) == 0) {
            view_canonical_name(&view, name);
            if (strcmp(name, dirname) == 0) {
                *ret_id = (uint16_t)id;
                *ret_canonical = text;
                return 1;
            }
        }
        free(text);
    }
    return 0;
}

int manifest_views_write(struct manifest *m, FILE *out, struct error *err)
{
    (void)err;
    lock_acquire(&m->lock);
    for (unsigned i = 1; i <= m->n_views; i++)
        fprintf(out, "%u\t%s\n", i, m->views[i]);
    lock_release(&m->lock);
    return 0;
}

/* ---- errors, snapshot, CSV ---- */

int manifest_error_put(struct manifest *m, int64_t source_id, uint16_t view_id,
                       const char *stage, int errno_value, const char *message,
                       struct error *err)
{
    struct row row = {
        .source_id = source_id, .view_id = view_id, .code = errno_value};
    unsigned i = 0;

    (void)err;
    (void)snprintf(row.stage, sizeof row.stage, "%s", stage);
    (void)snprintf(row.message, sizeof row.message, "%s", message);
    lock_acquire(&m->lock);
    while (i < m->n_errors && (m->errors[i].source_id != source_id ||
                               m->errors[i].view_id != view_id ||
                               strcmp(m->errors[i].stage, stage) != 0))
        i++;
    if (i < ERRORS_MAX)
        m->errors[i] = row;
    if (i == m->n_errors && i < ERRORS_MAX)
        m->n_errors++;
    lock_release(&m->lock);
    return 0;
}

int manifest_error_get(struct manifest *m, int64_t source_id, uint16_t view_id,
                       char **ret, struct error *err)
{
    int rc = 0;

    lock_acquire(&m->lock);
    for (unsigned i = 0; i < m->n_errors && rc == 0; i++) {
        if (m->errors[i].source_id != source_id ||
            m->errors[i].view_id != view_id)
            continue;
        *ret = strdup(m->errors[i].message);
        rc = *ret ? 1 : error_no_memory(err);
    }
    lock_release(&m->lock);
    return rc;
}

int manifest_errors_write(struct manifest *m, FILE *out, struct error *err)
{
    (void)err;
    fputs("source\tview\tstage\terrno\tmessage\n", out);
    lock_acquire(&m->lock);
    for (unsigned i = 0; i < m->n_errors; i++) {
        const struct row *row = &m->errors[i];

        fprintf(out, "%" PRId64 "\t%s\t%s\t%d\t%s\n", row->source_id,
                m->views[row->view_id], row->stage, row->code, row->message);
    }
    lock_release(&m->lock);
    return 0;
}

int manifest_snapshot(struct manifest *m, const char *path, struct error *err)
{
    struct pattern p = pattern_of(m);
    char temporary[PATH_MAX + 32];
    FILE *out;

    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    out = fopen(temporary, "we");
    if (!out)
        return error_set_sys(err, errno, "%s: %s", temporary,
                             strerrordesc_np(errno));
    fprintf(out, "generation %" PRIu64 "\n", p.generation);
    (void)fclose(out);
    if (rename(temporary, path) < 0)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

int manifest_csv(struct manifest *m, const struct manifest_leaves *leaves,
                 manifest_shape_fn shape, void *opaque, FILE *out,
                 struct error *err)
{
    struct pattern p = pattern_of(m);
    CLEANUP_FREE char *text = NULL;
    struct manifest_instance row;

    (void)shape;
    (void)opaque;
    if (manifest_view_by_id(m, leaves->view_id, &text, err) != 1)
        return -1;
    fputs("study_instance_uid,series_instance_uid,sop_instance_uid,path,"
          "inode\n",
          out);
    for (uint64_t study = 0; study < p.studies; study++) {
        for (uint64_t leaf = 0; leaf < p.leaves; leaf++) {
            fill_instance(&p, study, leaf, false, &row);
            fprintf(out, "%s,%s,%s,%s/%s/%s.tiff,%" PRIu64 "\n", row.study_name,
                    row.series_name, row.name, text, row.study_name, row.name,
                    (uint64_t)leaves->view_id << 46 | (uint64_t)row.id << 21);
        }
    }
    return 0;
}

/* ---- a pattern has no columns to choose by ---- */

int manifest_cohort_apply(struct manifest *m,
                          const struct manifest_cohort *cohort,
                          struct manifest_cohort_size *ret, struct error *err)
{
    (void)m;
    (void)cohort;
    (void)ret;
    return error_set(err, ERROR_UNSUPPORTED, "a pattern has no cohorts");
}

void manifest_cohort_name(const struct manifest_cohort *cohort,
                          char ret[MANIFEST_COHORT_NAME_SIZE])
{
    (void)cohort;
    (void)strcpy(ret, "cohort.db");
}

bool manifest_cohort_moved(struct manifest *m)
{
    (void)m;
    return false;
}

void manifest_cohort_told(struct manifest *m)
{
    (void)m;
}

/* ---- manifest_publish.h: a pattern is made where it is mounted ---- */

int manifest_adopt(struct manifest *m, const char *path, bool in_use,
                   struct manifest_adopted *ret, struct error *err)
{
    (void)m, (void)in_use;
    *ret = (struct manifest_adopted){.changed = false};
    return error_set(err, ERROR_USAGE, "%s is not a manifest of prepfs", path);
}

bool manifest_follows(const struct manifest *m)
{
    (void)m;
    return false;
}
