// SPDX-License-Identifier: MIT
/*
 * New and changed files: source, patient, study, series, instance rows.
 */
#include "manifest/manifest_write_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/text.h"

void manifest_header_init(struct manifest_header *h)
{
    *h = (struct manifest_header){
        .birth_year = MANIFEST_NONE,
        .series_number = MANIFEST_NONE,
        .kvp = NAN,
        .slice_thickness = NAN,
        .instance_number = MANIFEST_NONE,
        .acquisition_number = MANIFEST_NONE,
        .slope = NAN,
        .intercept = NAN,
        .wc = NAN,
        .ww = NAN,
        .px_x = NAN,
        .px_y = NAN,
        .ipp = {NAN, NAN, NAN},
        .iop = {NAN, NAN, NAN, NAN, NAN, NAN},
        .burned_in = MANIFEST_NONE,
        .lossy = MANIFEST_NONE,
        .pad_value = MANIFEST_NONE,
    };
}

/* ---- binding what files say ---- */

/* Absent and empty are NULL; what is no UTF-8 or endless is cleaned. */
static void bind_text(sqlite3_stmt *st, int index, const char *text)
{
    if (!text || !text[0]) {
        (void)sqlite3_bind_null(st, index);
        return;
    }
    if (strnlen(text, TEXT_MAX + 1) <= TEXT_MAX && text_is_utf8(text)) {
        db_bind_text(st, index, text);
        return;
    }
    /* Out of memory: NULL, and the step will hardly succeed either. */
    (void)sqlite3_bind_text(st, index, text_clean(text), -1, free);
}

static void bind_int(sqlite3_stmt *st, int index, int64_t value)
{
    if (value == MANIFEST_NONE)
        (void)sqlite3_bind_null(st, index);
    else
        db_bind_int(st, index, value);
}

/* Infinite numbers compare with nothing: better none. */
static void bind_real(sqlite3_stmt *st, int index, double value)
{
    db_bind_real(st, index, isfinite(value) ? value : NAN);
}

/* FNV-1a: only ever compared with others of the same series. */
static int64_t frame_of_ref_key(const char *uid)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (!uid || !uid[0])
        return 0;
    for (; *uid; uid++)
        hash = (hash ^ (unsigned char)*uid) * UINT64_C(0x100000001b3);
    return (int64_t)hash;
}

static void bind_orientation(sqlite3_stmt *st, int index, const double iop[6])
{
    char text[160];

    for (int i = 0; i < 6; i++)
        if (!isfinite(iop[i])) {
            (void)sqlite3_bind_null(st, index);
            return;
        }
    (void)sqlite3_snprintf(sizeof text, text,
                           "%.10g\\%.10g\\%.10g\\%.10g\\%.10g\\%.10g", iop[0],
                           iop[1], iop[2], iop[3], iop[4], iop[5]);
    (void)sqlite3_bind_text(st, index, text, -1, SQLITE_TRANSIENT);
}

/* ---- source ---- */

static int put_source(struct write *w, const struct manifest_entry *e,
                      int64_t *ret_id, bool *ret_known, struct error *err)
{
    const struct manifest_source *s = &e->source;
    STATEMENT *find = db_get(w->db, SQL_SOURCE_BY_PATH, err);

    if (!find)
        return -1;
    db_bind_text(find, 1, s->relpath);
    int rc = db_step(w->db, find, err);

    if (rc < 0)
        return -1;
    *ret_known = rc > 0;
    if (rc > 0)
        *ret_id = db_column_int(find, 0, 0);
    STATEMENT *put =
        db_get(w->db, *ret_known ? SQL_SOURCE_UPDATE : SQL_SOURCE_INSERT, err);

    if (!put)
        return -1;
    if (*ret_known)
        db_bind_int(put, 1, *ret_id);
    else
        db_bind_text(put, 1, s->relpath);
    db_bind_u64(put, 2, s->dev);
    db_bind_u64(put, 3, s->ino);
    db_bind_u64(put, 4, s->size);
    db_bind_int(put, 5, s->mtime_ns);
    db_bind_int(put, 6, s->scan);
    bind_text(put, 7, e->scan_error);
    if (db_run(w->db, put, err) != 0)
        return -1;
    if (!*ret_known)
        *ret_id = sqlite3_last_insert_rowid(w->db->handle);
    return 0;
}

static int put_scan_error(struct write *w, const struct manifest_entry *e,
                          int64_t source_id, struct error *err)
{
    STATEMENT *st = db_get(w->db, SQL_ERROR_PUT, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, source_id);
    db_bind_int(st, 2, 0);
    db_bind_text(st, 3, "index");
    db_bind_int(st, 4, e->scan_errno);
    bind_text(st, 5, e->scan_error);
    return db_run(w->db, st, err);
}

static int clear_errors(struct write *w, int64_t source_id, struct error *err)
{
    STATEMENT *st = db_get(w->db, SQL_ERROR_CLEAR, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, source_id);
    return db_run(w->db, st, err);
}

/* ---- patient, study, series ---- */

static void patient_key(const struct manifest *m,
                        const struct manifest_header *h, char ret[33])
{
    uint8_t digest[IDS_SHA256];
    const char *issuer = h->patient_issuer ? h->patient_issuer : "";
    size_t id_length = strlen(h->patient_id);
    size_t length = id_length + 1 + strlen(issuer);
    CLEANUP_FREE char *joined = malloc(length + 1);

    ret[0] = '\0';
    if (!joined)
        return;
    /* The same number of two hospitals is two patients (PS3.3 C.2.2). */
    (void)memcpy(joined, h->patient_id, id_length + 1);
    (void)strcpy(joined + id_length + 1, issuer);
    ids_hmac(m->salt, sizeof m->salt, joined, issuer[0] ? length : id_length,
             digest);
    ids_hex(digest, 16, ret);
}

/* 0 if the file names none: such files are not one patient. */
static int put_patient(struct write *w, const struct manifest_header *h,
                       int64_t *ret_id, struct error *err)
{
    char key[33];

    *ret_id = 0;
    if (!h->patient_id || !h->patient_id[0])
        return 0;
    patient_key(w->m, h, key);
    if (!key[0])
        return error_no_memory(err);
    STATEMENT *find = db_get(w->db, SQL_PATIENT_BY_KEY, err);
    STATEMENT *put = db_get(w->db, SQL_PATIENT_INSERT, err);

    if (!find || !put)
        return -1;
    db_bind_text(find, 1, key);
    int rc = db_step(w->db, find, err);

    if (rc != 0) {
        *ret_id = rc > 0 ? db_column_int(find, 0, 0) : 0;
        return rc < 0 ? -1 : 0;
    }
    db_bind_text(put, 1, key);
    bind_text(put, 2, h->patient_sex);
    bind_int(put, 3, h->birth_year);
    if (db_run(w->db, put, err) != 0)
        return -1;
    *ret_id = sqlite3_last_insert_rowid(w->db->handle);
    return 0;
}

/* Inserts with the name, or, if somebody has it (two hashes that begin with
 * the same 64 bits), with the next part of the digest. `index` is the
 * parameter of the name. */
static int insert_named(struct write *w, sqlite3_stmt *put, int index,
                        const struct text_uid *uid, int64_t *ret_id,
                        struct error *err)
{
    char name[MANIFEST_NAME_MAX];

    (void)strcpy(name, uid->name);
    for (unsigned turn = 1; turn <= IDS_TURNS; turn++) {
        db_bind_text(put, index, name);
        if (db_run(w->db, put, err) != 0)
            return -1;
        if (sqlite3_changes(w->db->handle) > 0) {
            *ret_id = sqlite3_last_insert_rowid(w->db->handle);
            return 0;
        }
        if (!uid->hashed)
            break;
        (void)sqlite3_reset(put);
        ids_hashed_name(uid->digest, turn, name);
    }
    return error_set(err, ERROR_INTERNAL, "the folder name %s is taken",
                     uid->name);
}

static int put_study(struct write *w, const struct manifest_header *h,
                     int64_t *ret_id, struct error *err)
{
    struct text_uid uid;
    int64_t patient_id;

    if (text_uid_make(h->study_uid, h->has_digest ? h->digest : NULL, &uid,
                      err) != 0)
        return -1;
    STATEMENT *find = db_get(w->db, SQL_STUDY_BY_UID, err);
    STATEMENT *put = db_get(w->db, SQL_STUDY_INSERT, err);

    if (!find || !put)
        return -1;
    db_bind_text(find, 1, uid.uid);
    int rc = db_step(w->db, find, err);

    if (rc != 0) {
        *ret_id = rc > 0 ? db_column_int(find, 0, 0) : 0;
        return rc < 0 ? -1 : 0;
    }
    if (put_patient(w, h, &patient_id, err) != 0)
        return -1;
    db_bind_text(put, 1, uid.uid);
    if (patient_id)
        db_bind_int(put, 3, patient_id);
    bind_text(put, 4, h->study_date);
    bind_text(put, 5, h->study_description);
    bind_text(put, 6, h->accession);
    db_bind_int(put, 7, w->now_s);
    db_bind_int(put, 8, w->epoch);
    return insert_named(w, put, 2, &uid, ret_id, err);
}

static int put_series(struct write *w, const struct manifest_header *h,
                      int64_t study_id, int64_t *ret_id, struct error *err)
{
    struct text_uid uid;

    if (text_uid_make(h->series_uid, h->has_digest ? h->digest : NULL, &uid,
                      err) != 0)
        return -1;
    STATEMENT *find = db_get(w->db, SQL_SERIES_BY_UID, err);
    STATEMENT *put = db_get(w->db, SQL_SERIES_INSERT, err);

    if (!find || !put)
        return -1;
    db_bind_int(find, 1, study_id);
    db_bind_text(find, 2, uid.uid);
    int rc = db_step(w->db, find, err);

    if (rc != 0) {
        *ret_id = rc > 0 ? db_column_int(find, 0, 0) : 0;
        return rc < 0 ? -1 : 0;
    }
    db_bind_int(put, 1, study_id);
    db_bind_text(put, 2, uid.uid);
    bind_text(put, 4, h->modality);
    bind_text(put, 5, h->series_description);
    bind_int(put, 6, h->series_number);
    bind_text(put, 7, h->body_part);
    bind_text(put, 8, h->laterality);
    bind_text(put, 9, h->manufacturer);
    bind_text(put, 10, h->model);
    bind_real(put, 11, h->kvp);
    bind_text(put, 12, h->kernel);
    bind_real(put, 13, h->slice_thickness);
    bind_text(put, 14, h->frame_of_ref);
    db_bind_int(put, 15, w->now_s);
    db_bind_int(put, 16, w->epoch);
    return insert_named(w, put, 3, &uid, ret_id, err);
}

/* ---- instance ---- */

struct naming {
    char fname[MANIFEST_NAME_MAX]; /* "" : the UID is the name */
    int64_t dup_of;                /* hides it until names are settled */
    bool unresolved;
};

/*
 * A UID that is new in its study gets its name at once. The successor of a
 * changed file takes its name over. Anything else waits, hidden, for
 * manifest_write_names, since whether it is a copy takes reading all of it.
 */
static int choose_name(struct write *w, const struct text_uid *uid,
                       int64_t study_id, int64_t source_id, struct naming *ret,
                       struct error *err)
{
    STATEMENT *rivals = db_get(w->db, SQL_INSTANCE_RIVALS, err);
    STATEMENT *heir = db_get(w->db, SQL_INSTANCE_HEIR, err);

    *ret = (struct naming){0};
    if (uid->hashed)
        (void)strcpy(ret->fname, uid->name);
    if (!rivals || !heir)
        return -1;
    db_bind_text(rivals, 1, uid->uid);
    db_bind_int(rivals, 2, study_id);
    if (db_step(w->db, rivals, err) < 0)
        return -1;
    if (db_column_int(rivals, 0, 0) == 0)
        return 0;
    db_bind_int(heir, 1, source_id);
    db_bind_text(heir, 2, uid->uid);
    db_bind_int(heir, 3, study_id);
    int rc = db_step(w->db, heir, err);

    if (rc < 0)
        return -1;
    if (rc > 0) {
        (void)sqlite3_snprintf(sizeof ret->fname, ret->fname, "%s",
                               db_column_text(heir, 1));
        return 0;
    }
    ret->unresolved = true;
    ret->dup_of = -1;
    return 0;
}

/* Columns 10 to 17 and 39 to 47, where there are pixels. */
static void bind_pixels(sqlite3_stmt *st, const struct manifest_header *h)
{
    const struct decode_desc *d = &h->desc;
    const char *photometric = h->photometric && h->photometric[0] &&
                                      d->photometric == DECODE_PHOTOMETRIC_OTHER
                                  ? h->photometric
                                  : manifest_photometric_name(d->photometric);

    if (!h->has_pixels)
        return;
    db_bind_int(st, 10, d->rows);
    db_bind_int(st, 11, d->cols);
    db_bind_int(st, 12, h->frames);
    db_bind_int(st, 13, d->samples);
    bind_text(st, 14, photometric);
    db_bind_int(st, 15, d->bits_alloc);
    db_bind_int(st, 16, d->bits_stored);
    db_bind_int(st, 17, d->is_signed);
    db_bind_int(st, 39, h->decodable);
    db_bind_int(st, 40, d->codec);
    db_bind_int(st, 41, d->element);
    db_bind_int(st, 42, d->high_bit);
    db_bind_int(st, 43, d->planar);
    db_bind_int(st, 44, h->turned);
    db_bind_int(st, 45, h->frames_known);
    db_bind_u64(st, 46, h->pixel_offset);
    db_bind_u64(st, 47, h->pixel_length);
}

static void bind_instance(sqlite3_stmt *st, const struct manifest_header *h)
{
    bind_text(st, 6, h->sop_class);
    bind_text(st, 7, h->transfer_syntax);
    bind_int(st, 8, h->instance_number);
    bind_int(st, 9, h->acquisition_number);
    bind_real(st, 18, h->slope);
    bind_real(st, 19, h->intercept);
    bind_text(st, 20, h->rescale_type);
    bind_real(st, 21, h->wc);
    bind_real(st, 22, h->ww);
    bind_int(st, 23, h->n_windows);
    bind_text(st, 24, h->voi_fn);
    bind_real(st, 25, h->px_x);
    bind_real(st, 26, h->px_y);
    for (int i = 0; i < 3; i++)
        bind_real(st, 27 + i, h->ipp[i]);
    bind_orientation(st, 30, h->iop);
    bind_text(st, 31, h->image_type);
    bind_text(st, 32, h->view_position);
    bind_text(st, 33, h->acq_datetime);
    bind_int(st, 34, h->burned_in);
    bind_int(st, 35, h->lossy);
    bind_int(st, 36, h->pad_value);
    db_bind_int(st, 37, h->has_pixels);
    db_bind_int(st, 48, frame_of_ref_key(h->frame_of_ref));
}

static int put_attrs(struct write *w, const struct manifest_header *h,
                     int64_t instance_id, struct error *err)
{
    STATEMENT *st = db_get(w->db, SQL_ATTR_INSERT, err);

    if (!st)
        return -1;
    for (size_t i = 0; i < h->n_attrs; i++) {
        db_bind_int(st, 1, instance_id);
        db_bind_int(st, 2, h->attrs[i].tag);
        db_bind_int(st, 3, h->attrs[i].index);
        bind_real(st, 4, h->attrs[i].number);
        bind_text(st, 5, h->attrs[i].text);
        if (db_run(w->db, st, err) != 0)
            return -1;
        (void)sqlite3_reset(st);
    }
    return 0;
}

static int put_instance(struct write *w, const struct manifest_header *h,
                        int64_t source_id, struct error *err)
{
    struct text_uid uid;
    struct naming naming;
    int64_t study_id;
    int64_t series_id;

    if (text_uid_make(h->sop_uid, h->has_digest ? h->digest : NULL, &uid,
                      err) != 0 ||
        put_study(w, h, &study_id, err) != 0 ||
        put_series(w, h, study_id, &series_id, err) != 0 ||
        choose_name(w, &uid, study_id, source_id, &naming, err) != 0)
        return -1;
    STATEMENT *st = db_get(w->db, SQL_INSTANCE_INSERT, err);

    if (!st)
        return -1;
    db_bind_text(st, 1, uid.uid);
    db_bind_text(st, 2, naming.fname[0] ? naming.fname : NULL);
    db_bind_int(st, 3, study_id);
    db_bind_int(st, 4, series_id);
    db_bind_int(st, 5, source_id);
    bind_instance(st, h);
    bind_pixels(st, h);
    if (naming.dup_of)
        db_bind_int(st, 38, naming.dup_of);
    db_bind_int(st, 49, naming.unresolved);
    if (db_run(w->db, st, err) != 0)
        return -1;
    int64_t id = sqlite3_last_insert_rowid(w->db->handle);

    if (put_attrs(w, h, id, err) != 0)
        return -1;
    return write_touch(w, study_id, series_id, err);
}

static int write_entry(struct write *w, const struct manifest_entry *e,
                       struct manifest_written *ret, struct error *err)
{
    int64_t source_id = 0;
    bool known = false;
    int replaced = 0;

    if (put_source(w, e, &source_id, &known, err) != 0)
        return -1;
    if (known) {
        replaced = write_instance_changed(w, source_id, err);
        if (replaced < 0 || clear_errors(w, source_id, err) != 0)
            return -1;
    }
    if (e->source.scan == MANIFEST_SCAN_OK && e->header) {
        if (put_instance(w, e->header, source_id, err) != 0)
            return -1;
        ret->added += !replaced;
        ret->replaced += replaced > 0;
    }
    /* Last, since the row names the instance. */
    return e->scan_error ? put_scan_error(w, e, source_id, err) : 0;
}

int manifest_write_batch(struct manifest *m,
                         const struct manifest_entry *entries, size_t n,
                         struct manifest_written *ret, struct error *err)
{
    struct manifest_written written = {0};
    struct write w;
    int rc = 0;

    if (write_begin(m, &w, err) != 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = write_entry(&w, &entries[i], &written, err);
    rc = write_end(&w, rc, err);
    if (rc == 0) {
        ret->added += written.added;
        ret->replaced += written.replaced;
    }
    return rc;
}
