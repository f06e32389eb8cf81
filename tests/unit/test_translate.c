// SPDX-License-Identifier: MIT
/*
 * test_translate.c: command lines of dicom-preprocess and the views that they
 * are; what it refuses and what it ignores.
 */
#undef NDEBUG
#include "ctl/translate.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/batch.h"
#include "ctl/command.h"
#include "support/check_main.h"

/* ---- a command line ---- */

struct line {
    char *text;
    char *argv[32];
    struct ctl_args args;
    struct error err;
};

static void line_init(struct line *l, const char *text)
{
    char *save = NULL;
    int n = 0;

    *l = (struct line){.text = strdup(text), .args.program = "prepfsctl"};
    ck_assert_ptr_nonnull(l->text);
    for (char *word = strtok_r(l->text, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        ck_assert_int_lt(n, 31);
        l->argv[n++] = word;
    }
}

static void line_deinit(struct line *l)
{
    free(l->text);
}

/* What a line is as a batch; -1 with l->err. */
static int batch_of(struct line *l, struct batch *ret, char **ret_notes)
{
    size_t size;
    FILE *notes = open_memstream(ret_notes, &size);
    bool help;
    int rc;

    ck_assert_ptr_nonnull(notes);
    rc = command_parse(command_find("render"), l->argv, &l->args, &help,
                       &l->err);
    if (rc == 0)
        rc = batch_init(&l->args, notes, ret, &l->err);
    ck_assert_int_eq(fclose(notes), 0);
    return rc;
}

/* ---- rows ---- */

struct row {
    const char *line;
    const char *view;
    const char *note; /* part of it; NULL: none */
};

/* The rows of the view grammar's worked examples that have options, in their
 * order, and what else dicom-preprocess takes. */
static const struct row rows[] = {
    {"SRC OUT", "full", NULL},
    {"-c SRC OUT", "crop", NULL},
    {"-c -m SRC OUT", "crop-max", NULL},
    {"-c -n SRC OUT", "crop-nocomp", NULL},
    {"-c -m -n -b 0.05 SRC OUT", "crop-max-nocomp-b0.05", NULL},
    {"-c -m -s 384,512 -z packbits SRC OUT",
     "crop-max_size-384x512_pack-packbits", NULL},
    {"--spacing 0.5,0.5 SRC OUT", "spacing-0.5x0.5", NULL},
    {"--spacing 0.7,0.7,2.5 --with series SRC OUT",
     "series_spacing-0.7x0.7x2.5", NULL},
    {"-c -s 512,512 -f lanczos3 SRC OUT", "crop_size-512x512_filter-lanczos3",
     NULL},
    {"-c -s 512,512 -f max-pool -p center SRC OUT",
     "crop_size-512x512_filter-maxpool_pad-center", NULL},
    {"-c -s 512,512 --no-padding SRC OUT", "crop_size-512x512_nopad", NULL},
    {"-z lzw SRC OUT", "pack-lzw", NULL},
    {"-v central-slice -s 384,512 SRC OUT", "vol-central_size-384x512", NULL},
    {"-v max-intensity SRC OUT", "vol-mip", NULL},
    {"-v interpolate -t 32 SRC OUT", "vol-interp-32", NULL},
    {"-v laplacian-mip --mip-weight 1.5 --skip-frames 5 SRC OUT", "vol-lapmip",
     NULL},
    {"-v laplacian-mip --mip-weight 2 --skip-frames 2 --projection-mode "
     "central-slice SRC OUT",
     "vol-lapmip-w2-skip2-central", NULL},
    {"-w -600,1500 -s 512,512 --with u16 SRC OUT",
     "window-c-600-w1500_size-512x512_u16", NULL},

    /* every word */
    {"-s 512,512 -f triangle SRC OUT", "size-512x512", NULL},
    {"-s 512,512 -f nearest SRC OUT", "size-512x512_filter-nearest", NULL},
    {"-s 512,512 -f catmull-rom SRC OUT", "size-512x512_filter-catmullrom",
     NULL},
    {"-s 512,512 -f gaussian SRC OUT", "size-512x512_filter-gaussian", NULL},
    {"--spacing 1,1 -f nearest SRC OUT", "spacing-1x1_filter-nearest", NULL},
    {"-s 384,512 -p zero SRC OUT", "size-384x512", NULL},
    {"-s 384,512 -p top-left SRC OUT", "size-384x512_pad-topleft", NULL},
    {"-s 384,512 -p bottom-right SRC OUT", "size-384x512_pad-bottomright",
     NULL},
    {"-z uncompressed SRC OUT", "full", NULL},
    {"-v keep SRC OUT", "full", NULL},
    {"-v interpolate SRC OUT", "vol-interp-32", NULL},
    {"-v laplacian-mip SRC OUT", "vol-lapmip", NULL},
    {"-v laplacian-mip --projection-mode parallel-beam SRC OUT", "vol-lapmip",
     NULL},
    {"-v laplacian-mip --skip-frames 0 SRC OUT", "vol-lapmip-skip0", NULL},
    {"-w 40,400 SRC OUT", "window-c40-w400", NULL},
    {"-w 40.5,1e3 SRC OUT", "window-c40.5-w1000", NULL},
    {"-c -b 0 SRC OUT", "crop", NULL},
    {"-c -b .5 SRC OUT", "crop-b0.5", NULL},

    /* every way to write them */
    {"--crop --crop-max --no-components --border-frac 0.1 SRC OUT",
     "crop-max-nocomp-b0.1", NULL},
    {"--size=384,512 --padding=center --filter=nearest --compressor=lzw SRC "
     "OUT",
     "size-384x512_filter-nearest_pad-center_pack-lzw", NULL},
    {"--volume-handler interpolate --target-frames 7 --window 40,400 SRC OUT",
     "window-c40-w400_vol-interp-7", NULL},
    {"-cmn SRC OUT", "crop-max-nocomp", NULL},
    {"-cms384,512 SRC OUT", "crop-max_size-384x512", NULL},
    {"-cs=384,512 SRC OUT", "crop_size-384x512", NULL},
    {"SRC OUT -c", "crop", NULL},
    {"-c -j 4 --strict SRC OUT", "crop", NULL},

    /* what it ignores */
    {"-m SRC OUT", "full", "-m, -n and -b do nothing without -c"},
    {"-n -b 0.1 SRC OUT", "full", "do nothing without -c"},
    {"-f nearest SRC OUT", "full", "-f does nothing without -s or --spacing"},
    {"-p center SRC OUT", "full", "do nothing without -s"},
    {"--spacing 1,1 -p center SRC OUT", "spacing-1x1", "do nothing without -s"},
    {"--no-padding SRC OUT", "full", "do nothing without -s"},
    {"-v max-intensity -t 7 SRC OUT", "vol-mip", "-t does nothing"},
    {"--mip-weight 2 SRC OUT", "full", "do nothing without -v laplacian-mip"},
    {"-s 9,9 -p center --no-padding SRC OUT", "size-9x9_nopad", NULL},
};

START_TEST(a_command_line_becomes_a_view)
{
    const struct row *row = &rows[_i];
    char text[VIEW_TEXT_SIZE];
    struct batch batch;
    struct line line;
    char *notes;

    line_init(&line, row->line);
    ck_assert_msg(batch_of(&line, &batch, &notes) == 0 ||
                      line.err.kind == ERROR_UNSUPPORTED,
                  "%s: %s", row->line, line.err.msg);
    ck_assert(batch.translated);
    ck_assert_msg(batch.view.tree, "as dicom-preprocess lays its files out");
    batch.view.tree = false;
    (void)view_print(&batch.view, text, sizeof text);
    ck_assert_str_eq(text, row->view);
    ck_assert_uint_eq(batch.n_sources, 1);
    ck_assert_str_eq(batch.sources[0], "SRC");
    ck_assert_str_eq(batch.out, "OUT");
    if (row->note)
        ck_assert_msg(strstr(notes, row->note) != NULL, "\"%s\"", notes);
    else
        ck_assert_str_eq(notes, "");
    free(notes);
    line_deinit(&line);
}
END_TEST

/* ---- mistakes ---- */

struct mistake {
    const char *line;
    const char *message; /* part of it */
};

static const struct mistake mistakes[] = {
    {"-s 384,512 --spacing 1,1 SRC OUT", "exclude each other"},
    {"-s 384 SRC OUT", "--size is WIDTH,HEIGHT, not \"384\""},
    {"-s 0,10 SRC OUT", "--size is"},
    {"-s 10,10,10 SRC OUT", "--size is"},
    {"-s 10,1e9 SRC OUT", "--size is"},
    {"-s 0x10,16 SRC OUT", "--size is"},
    {"-s 10.5,16 SRC OUT", "--size is"},
    {"-c -b 0.6 SRC OUT", "--border-frac is a number from 0 to 0.5"},
    {"-c -b -0.1 SRC OUT", "--border-frac is"},
    {"-c -b nan SRC OUT", "--border-frac is"},
    {"--spacing 1 SRC OUT", "--spacing is X,Y or X,Y,Z"},
    {"--spacing 0,1 SRC OUT", "--spacing is"},
    {"--spacing 1,-1 SRC OUT", "--spacing is"},
    {"--spacing 1,inf SRC OUT", "--spacing is"},
    {"--spacing 1,1, SRC OUT", "--spacing is"},
    {"-s 9,9 -f cubic SRC OUT", "--filter is triangle"},
    {"-f cubic SRC OUT", "--filter is triangle"},
    {"-s 9,9 -p middle SRC OUT", "--padding is zero"},
    {"-z zip SRC OUT", "--compressor is uncompressed"},
    {"-v mean SRC OUT", "--volume-handler is keep"},
    {"-t 7 SRC OUT", "--target-frames needs --volume-handler"},
    {"-v interpolate -t 0 SRC OUT", "--target-frames is a number"},
    {"-v laplacian-mip --skip-frames 1.5 SRC OUT", "--skip-frames is"},
    {"-v laplacian-mip --mip-weight x SRC OUT", "--mip-weight is"},
    {"-v laplacian-mip --projection-mode cone SRC OUT",
     "--projection-mode is parallel-beam"},
    {"-w 40 SRC OUT", "--window is CENTRE,WIDTH"},
    {"-w 40,0 SRC OUT", "window-c40-w0"},
    {"-w 40,400 --with window-off SRC OUT", "window-c40-w400_window-off"},
    {"-c --with crop SRC OUT", "crop_crop"},
    {"-c -s SRC OUT", "--size is"},
    {"-c -s", "-s needs a value"},
    {"-c SRC", "render needs SOURCE and OUT"},
    {"-c -o OUT", "needs"},
    {"-c crop SRC OUT", "crop is a view"},
    {"-x SRC OUT", "render has no option -x"},
    {"-cx SRC OUT", "render has no option -x"},
    {"crop SRC -o OUT --fromat npy", "did you mean --format?"},
    {"crop SRC -o OUT --jbos=3", "--jbos=3; did you mean --jobs?"},
    {"crop SRC -o OUT --watch", "render has no option --watch"},
    {"--crop=yes SRC OUT", "takes no value"},
    {"crop SRC -o OUT --format gif", "--format is tiff"},
    {"crop SRC -o OUT --format tiff,", "--format is tiff"},
    {"crop SRC -o OUT --layout wide", "--layout is flat or tree"},
    {"crop_crop SRC -o OUT", "crop"},
    {"cropp SRC -o OUT", "'cropp' is no operator and no preset; did you mean "
                         "'crop'?"},
    {"window-40-400 SRC -o OUT", "prepfsctl explain window-40-400"},
};

START_TEST(a_mistake_is_explained)
{
    const struct mistake *m = &mistakes[_i];
    struct batch batch;
    struct line line;
    char *notes;

    line_init(&line, m->line);
    ck_assert_msg(batch_of(&line, &batch, &notes) == -1, "%s", m->line);
    ck_assert_msg(strstr(line.err.msg, m->message) != NULL, "%s: %s", m->line,
                  line.err.msg);
    free(notes);
    line_deinit(&line);
}
END_TEST

/* ---- views ---- */

struct form {
    const char *line;
    const char *view; /* with tree and list */
    size_t sources;
    const char *out;
    enum view_ext formats[3];
    int n_formats;
};

static const struct form forms[] = {
    {"crop SRC -o OUT", "crop", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop SRC --out OUT", "crop", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop -oOUT A B C", "crop", 3, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop A B OUT", "crop", 2, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop A -o OUT -o state=S", "crop", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop A -o a=b", "crop", 1, "a=b", {VIEW_EXT_TIFF}, 1},
    {"tree_crop A -o OUT", "crop_tree", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"tree_crop A -o OUT --layout flat", "crop", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop A -o OUT --layout tree", "crop_tree", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"crop A -o OUT --with u8", "crop_u8", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"full A -o OUT --with u8", "u8", 1, "OUT", {VIEW_EXT_TIFF}, 1},
    {"list-npy A -o OUT", "list-npy", 1, "OUT", {VIEW_EXT_NPY}, 1},
    {"list-npy A -o OUT --format png,json,png",
     "list-npy",
     1,
     "OUT",
     {VIEW_EXT_PNG, VIEW_EXT_JSON},
     2},
};

START_TEST(a_view_is_a_view)
{
    const struct form *f = &forms[_i];
    char text[VIEW_TEXT_SIZE];
    struct batch batch;
    struct line line;
    char *notes;

    line_init(&line, f->line);
    ck_assert_msg(batch_of(&line, &batch, &notes) == 0, "%s: %s", f->line,
                  line.err.msg);
    ck_assert(!batch.translated);
    (void)view_print(&batch.view, text, sizeof text);
    ck_assert_str_eq(text, f->view);
    ck_assert_uint_eq(batch.n_sources, f->sources);
    ck_assert_str_eq(batch.out, f->out);
    ck_assert_int_eq(batch.n_formats, f->n_formats);
    for (int i = 0; i < f->n_formats; i++)
        ck_assert_int_eq(batch.formats[i], f->formats[i]);
    free(notes);
    line_deinit(&line);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("translate");
    TCase *t = tcase_create("translate");

    tcase_add_loop_test(t, a_command_line_becomes_a_view, 0,
                        sizeof rows / sizeof *rows);
    tcase_add_loop_test(t, a_mistake_is_explained, 0,
                        sizeof mistakes / sizeof *mistakes);
    tcase_add_loop_test(t, a_view_is_a_view, 0, sizeof forms / sizeof *forms);
    suite_add_tcase(s, t);
    return check_main(s);
}
