// SPDX-License-Identifier: MIT
/*
 * view_explain.c: a view in words, or what is wrong with its name.
 */
#include "view/view_ops.h"

#include <string.h>

#define WIDTH 78

/* Writes `text` wrapped, every line after `indent` blanks. */
static void write_wrapped(FILE *out, size_t indent, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");

        if (column > 0 && column + 1 + word > WIDTH) {
            (void)fputc('\n', out);
            column = 0;
        }
        if (column == 0) {
            (void)fprintf(out, "%*s", (int)indent, "");
            column = indent;
        } else {
            (void)fputc(' ', out);
            column++;
        }
        (void)fprintf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

/* The token of a form, "crop-b0.05". */
static void print_token(const struct view *view, const struct view_form *form,
                        char ret[VIEW_TEXT_SIZE])
{
    struct view_out token = {ret, VIEW_TEXT_SIZE, 0};

    view_print_form(&token, view, form);
    ret[token.length] = '\0';
}

/* An argument and what it is for: "b0.05: ..."; false if it is not given. */
static bool print_argument(const struct view *view, const struct view_arg *arg,
                           char ret[VIEW_TEXT_SIZE])
{
    struct view_out value = {ret, VIEW_TEXT_SIZE, 0};

    if (!arg->required && view_arg_is_default(view, arg))
        return false;
    view_print_arg(&value, view, arg);
    view_out_text(&value, ": ");
    view_out_text(&value, arg->doc);
    ret[value.length] = '\0';
    return true;
}

static void write_form(FILE *out, const struct view *view,
                       const struct view_form *form)
{
    char text[VIEW_TEXT_SIZE] = "";

    print_token(view, form, text);
    (void)fprintf(out, "  %s\n", text);
    write_wrapped(out, 6, form->doc);
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        if (print_argument(view, arg, text))
            write_wrapped(out, 6, text);
    if (*form->formula)
        write_wrapped(out, 6, form->formula);
    if (form->rule)
        write_wrapped(out, 6, form->rule);
}

int view_operator_words(const struct view *view, view_words_fn each,
                        void *opaque)
{
    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        const struct view_form *form = view_form_in(view, slot);
        char token[VIEW_TEXT_SIZE], text[VIEW_TEXT_SIZE];
        char words[4 * VIEW_TEXT_SIZE];
        struct view_out does = {words, sizeof words, 0};
        int rc;

        if (!form)
            continue;
        print_token(view, form, token);
        view_out_text(&does, form->doc);
        for (const struct view_arg *arg = form->args; arg->kind != ARG_END;
             arg++) {
            if (!print_argument(view, arg, text))
                continue;
            view_out_text(&does, "; ");
            view_out_text(&does, text);
        }
        words[does.length] = '\0';
        rc = each(opaque, token, words);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static void write_operators(FILE *out, const struct view *view)
{
    bool any = false;

    (void)fputs("operators\n", out);
    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        const struct view_form *form = view_form_in(view, slot);

        if (!form)
            continue;
        write_form(out, view, form);
        any = true;
    }
    if (!any)
        (void)fputs("  none: every default\n", out);
}

static void write_defaults(FILE *out, const struct view *view)
{
    if (view->values == VIEW_VALUES_RAW && view_is_windowed(view))
        (void)fputs("values      display, the window on stored values: no "
                    "rescale, no modality LUT;\n"
                    "            MONOCHROME1 is inverted unless told\n",
                    out);
    if (view->values == VIEW_VALUES_DISPLAY &&
        view->window == VIEW_WINDOW_DEFAULT)
        (void)fputs("values      display: the first VOI there is (VOI LUT, "
                    "window 1, else minimum\n"
                    "            to maximum of the volume); MONOCHROME1 is "
                    "inverted unless told\n",
                    out);
    if (view->dtype != VIEW_DTYPE_DEFAULT)
        return;
    if (view_default_dtype(view) == VIEW_DTYPE_F32)
        (void)fputs("samples     f32\n", out);
    else if (!view_is_windowed(view))
        (void)fputs("samples     the source's own type\n", out);
    else
        (void)fputs("samples     u8 for sources of up to 8 bits, else u16\n",
                    out);
}

/* ---- what a source of 512 x 512 pixels of 16 bits becomes ---- */

#define SOURCE_SIDE 512
#define SOURCE_MM 0.7

static uint32_t sample_size(const struct view *view)
{
    enum view_dtype dtype = view->dtype != VIEW_DTYPE_DEFAULT
                                ? view->dtype
                                : view_default_dtype(view);

    if (dtype == VIEW_DTYPE_U8)
        return 1;
    return dtype == VIEW_DTYPE_F32 ? 4 : 2;
}

static uint32_t spaced(uint32_t side, double mm)
{
    double n = (double)side * SOURCE_MM / mm + 0.5;

    if (n < 1)
        return 1;
    return n < VIEW_PIXELS_MAX ? (uint32_t)n : VIEW_PIXELS_MAX;
}

static void cut(struct view_dims *image, uint32_t width, uint32_t height)
{
    image->width = width < image->width ? width : image->width;
    image->height = height < image->height ? height : image->height;
}

/* False where the size is not that simple. */
static bool example_dims(const struct view *view, struct view_dims *image)
{
    *image = (struct view_dims){SOURCE_SIDE, SOURCE_SIDE, 0};
    if (view->region == VIEW_REGION_BOX &&
        (view->region_x >= SOURCE_SIDE || view->region_y >= SOURCE_SIDE))
        return false;
    if (view->region == VIEW_REGION_MID)
        cut(image, view->region_size.width, view->region_size.height);
    if (view->region == VIEW_REGION_BOX) {
        cut(image, SOURCE_SIDE - view->region_x, SOURCE_SIDE - view->region_y);
        cut(image, view->region_size.width, view->region_size.height);
    }
    if (view->resize == VIEW_RESIZE_SPACING && !view->noup) {
        image->width = spaced(image->width, view->spacing_x);
        image->height = spaced(image->height, view->spacing_y);
    }
    if (view->resize == VIEW_RESIZE_SIZE)
        *image = view->size;
    if (view->canvas.width > 0)
        *image = view->canvas;
    if (view->patches != VIEW_PATCHES_NONE)
        *image = view->patch_size;
    return view->plane == VIEW_PLANE_STORED && view->rot == 0 && !view->noup &&
           view->pad != VIEW_PAD_NONE;
}

static void write_example_size(FILE *out, const struct view *view)
{
    struct view_dims image;
    uint32_t channels = view->color == VIEW_COLOR_RGB ? 3 : 1;

    if (!view_leaf_size_is_known(view, view->list) ||
        !example_dims(view, &image))
        return;
    (void)fprintf(out,
                  "            a frame of 512x512 pixels, 16 bits, 0.7 mm, "
                  "becomes %ux%u, %llu bytes\n",
                  image.width, image.height,
                  (unsigned long long)image.width * image.height * channels *
                      sample_size(view));
}

static void write_size(FILE *out, const struct view *view)
{
    if (view_size_is_known(view))
        (void)fputs("size        class S: known from the headers, nothing is "
                    "decoded to list or stat\n",
                    out);
    else
        (void)fputs("size        class I: depends on the pixels; measured at "
                    "the first stat, then remembered\n",
                    out);
    write_example_size(out, view);
    if (!view_parts_are_known(view))
        (void)fputs("            the number of patches depends on the pixels "
                    "too\n",
                    out);
}

static void write_built(FILE *out, const struct view *view)
{
    const char *op;

    if (view_is_built(view, &op))
        (void)fputs("built       yes\n", out);
    else
        (void)fprintf(out,
                      "built       no: '%s' is not built yet; opening gives "
                      "EOPNOTSUPP\n",
                      op);
}

static void write_example(FILE *out, const struct view *view,
                          const char *folder)
{
    const char *part = "";

    if (view->patches != VIEW_PATCHES_NONE)
        part = ".p00001";
    else if (view->select == VIEW_SELECT_FRAMES)
        part = ".f00001";
    (void)fprintf(out, "example     %s/STUDY/%s%s%s.%s\n", folder,
                  view->tree && view->select != VIEW_SELECT_SERIES ? "SERIES/"
                                                                   : "",
                  view->select == VIEW_SELECT_SERIES ? "SERIES" : "INSTANCE",
                  part, view_ext_name(view->list));
}

static void explain_view(FILE *out, const char *name, const struct view *view)
{
    char canonical[VIEW_TEXT_SIZE];
    char folder[VIEW_DIRNAME_MAX + 1];
    char text[VIEW_TEXT_SIZE];
    struct view measure;

    (void)view_print(view, canonical, sizeof canonical);
    view_canonical_name(view, folder);
    (void)fprintf(out, "name        %s\n", name);
    (void)fprintf(out, "canonical   %s\n", canonical);
    if (strcmp(folder, canonical) != 0)
        (void)fprintf(out,
                      "folder      %s (the text is longer than %d "
                      "bytes)\n",
                      folder, VIEW_DIRNAME_MAX);
    if (strcmp(folder, name) != 0)
        (void)fprintf(out, "link        %s -> %s\n", name, folder);
    write_defaults(out, view);
    write_size(out, view);
    write_built(out, view);
    if (view->region == VIEW_REGION_CROP) {
        view_measure(view, &measure);
        (void)view_print(&measure, text, sizeof text);
        (void)fprintf(out,
                      "measured    %s (shared by every view with this "
                      "crop)\n",
                      text);
    }
    write_example(out, view, folder);
    (void)fputc('\n', out);
    write_operators(out, view);
}

int view_explain(const char *text, const struct view_presets *presets,
                 FILE *out)
{
    struct view view;
    struct view_problem problem;
    struct error err = ERROR_INIT;

    if (view_parse(text, presets, &view, &problem, &err)) {
        view_mistake(out, text, &problem, &err);
        return -1;
    }
    explain_view(out, text, &view);
    return 0;
}
