// SPDX-License-Identifier: MIT
/*
 * view_ops.h: the operator table, private to fs/view and its tests.
 *
 * One row is one *form*: a name, and, where a name means several things, the
 * word that selects one of them (vol-mip, vol-mean). A form says which field
 * of struct view it sets, which arguments it takes and where they go, and
 * what to tell people about it. Parser, printer, explain, grammar.txt and the
 * property test are loops over this table, so a new operator is a new row.
 *
 * The order of the slots is the order of the canonical text.
 */
#ifndef VIEW_VIEW_OPS_H
#define VIEW_VIEW_OPS_H

#include "view/view.h"

/* At most one operator per slot; two are a conflict (size and spacing). */
enum view_slot {
    SLOT_SELECT,
    SLOT_PICK,
    SLOT_ORDER,
    SLOT_VALUES,
    SLOT_MAPPING,
    SLOT_INVERT,
    SLOT_PADVAL,
    SLOT_PLANE,
    SLOT_FLIP,
    SLOT_ROT,
    SLOT_VOL,
    SLOT_SLAB,
    SLOT_REGION,
    SLOT_RESIZE,
    SLOT_NOUP,
    SLOT_FILTER,
    SLOT_PAD,
    SLOT_FILL,
    SLOT_CANVAS,
    SLOT_PATCHES,
    SLOT_NORM,
    SLOT_DTYPE,
    SLOT_COLOR,
    SLOT_PACK,
    SLOT_BIG,
    SLOT_LIST,
    SLOT_TREE,
    SLOT_COUNT
};

enum view_arg_kind {
    ARG_END,
    ARG_WORD,    /* sets the enum or bool at `offset` to `value` */
    ARG_NUM,     /* double in [lo, hi] */
    ARG_INT,     /* uint32_t in [lo, hi] */
    ARG_SEED,    /* uint64_t, up to 15 digits */
    ARG_DIMS,    /* struct view_dims: WxH[xD] */
    ARG_SQUARE,  /* the same, and N means NxN */
    ARG_SPACING, /* three doubles: XxY[xZ] */
    ARG_RANGE,   /* two doubles: AtoB, A < B */
    ARG_BOX,     /* struct view_dims, then three uint32_t: ...atXxY[xZ] */
    ARG_PICK,    /* three uint32_t: A or AtoB[byC] */
    ARG_SKIP,    /* two uint32_t: N or AtoB */
    ARG_FLIP,    /* uint32_t bits from letters of "hvz" */
    ARG_NAME     /* char[VIEW_ROI_NAME_SIZE] */
};

enum view_store { STORE_NONE, STORE_ENUM, STORE_BOOL };

struct view_arg {
    enum view_arg_kind kind;
    const char *key;  /* the word, or the letters before a value; or NULL */
    const char *meta; /* how the value is written in syntax lines */
    bool required;
    enum view_store store; /* of an ARG_WORD */
    size_t offset;
    uint32_t value;     /* of an ARG_WORD */
    double lo, hi, def; /* def: the value when the argument is absent */
    const char *doc;
};

/* Does a form act today? view_is_built reads it. */
enum view_built { BUILT_NO, BUILT_YES };

#define VIEW_FORM_ARGS 6

struct view_form {
    const char *name;
    const char *word; /* the argument that selects this form, or NULL */
    enum view_slot slot;
    enum view_store store;
    size_t offset;
    uint32_t value;
    struct view_arg args[VIEW_FORM_ARGS + 1]; /* ends with ARG_END */
    enum view_built built;
    bool is_default;     /* says what `full` does anyway: elided */
    const char *label;   /* its short name in messages and the manual */
    const char *needs;   /* views it can act in, separated by blanks; or "" */
    const char *example; /* a canonical token */
    const char *doc;     /* one line */
    const char *formula; /* what happens to the samples, exactly; or "" */
    const char *rule;    /* what several forms share, or NULL */
};

/* The table: rows in pipeline order, from 0. */
const struct view_form *view_form_at(size_t i);
size_t view_forms_count(void);

/* Some of these rows, among them all of `slot`. */
const struct view_form *view_forms_near(enum view_slot slot, size_t *ret_n);

/* A spelling without its `vol-`. */
struct view_alias {
    const char *name;
    const char *target; /* name of the forms */
    const char *word;   /* the word that is implied */
};

extern const struct view_alias view_aliases[];
extern const size_t view_aliases_count;

extern const char *const view_slot_titles[SLOT_COUNT];

/* The form of a slot that `view` uses, or NULL if it is at its default. */
const struct view_form *view_form_in(const struct view *view,
                                     enum view_slot slot);

/* Is the argument at the value that it has when it is absent? */
bool view_arg_is_default(const struct view *view, const struct view_arg *arg);

/* Appends what `view` holds for an argument, key first: "c-600". */
struct view_out;
void view_print_arg(struct view_out *out, const struct view *view,
                    const struct view_arg *arg);
void view_print_form(struct view_out *out, const struct view *view,
                     const struct view_form *form);
/* Appends the syntax of a form: "crop[-max][-nocomp][-bF]". */
void view_print_syntax(struct view_out *out, const struct view_form *form);

/* A bounded text that counts what did not fit. */
struct view_out {
    char *buf;
    size_t size;
    size_t length;
};
void view_out_text(struct view_out *out, const char *text);
void view_out_number(struct view_out *out, double value);
void view_out_uint(struct view_out *out, uint64_t value);

/*
 * Numbers. view_number reads ["-"] digits ["." digits] at *text before `end`
 * and moves *text behind it. Up to 15 significant digits and 12 decimals are
 * kept, so a decimal text and its double stand for one another exactly.
 */
enum view_number_result { NUMBER_OK, NUMBER_NONE, NUMBER_DIGITS };
enum view_number_result view_number(const char **text, const char *end,
                                    double *ret);

/* Digits only; larger values stop at UINT64_MAX. False without a digit. */
bool view_digits(const char **text, const char *end, uint64_t *ret);

/* Where a token came from, while a view is put together. */
enum view_origin { ORIGIN_NONE, ORIGIN_PRESET, ORIGIN_LITERAL };

struct view_use {
    const struct view_form *form;
    enum view_origin origin;
    const char *text; /* the token, in the name or in a preset */
    size_t text_length;
    size_t offset; /* the place in the name to blame */
    size_t length;
};

/* What view_parse knows while it works. */
struct view_parser {
    const char *text;
    size_t length;
    const struct view_presets *presets;
    struct view *view;
    struct view_use use[SLOT_COUNT];
    struct view_problem problem;
    bool wants_nearest; /* costs more than the parse; probes do not ask */
    struct error *err;
};

/* Notes a problem and fills parser->err; returns -1. */
int view_blame(struct view_parser *p, enum view_problem_kind kind,
               size_t offset, size_t length, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Reads the arguments of one token into the view (view_args.c). `use` has
 * the token; on success use->form is its form. */
int view_args_apply(struct view_parser *p, const char *name,
                    const char *implied_word, struct view_use *use,
                    size_t args_from);

/* Reads the value of one argument from `at`, behind its key (view_value.c).
 * On -1 the fault is described; on 0 `at` is behind what was understood. */
struct view_reader {
    struct view *view;
    const char *text; /* the argument, with its key */
    const char *at;
    const char *end;
    enum view_problem_kind fault_kind;
    const char *fault;
    size_t fault_length;
    const char *msg;
};
int view_value_read(struct view_reader *r, const struct view_arg *arg);
void view_store_choice(struct view *view, enum view_store kind, size_t offset,
                       uint32_t value);

/* Conflicts between operators, and the redundant ones dropped
 * (view_check.c). */
int view_check(struct view_parser *p);

/* What view_explain says of a name that does not parse (view_mistake.c). */
void view_mistake(FILE *out, const char *name,
                  const struct view_problem *problem, const struct error *err);

/* The text of a preset, or NULL. */
const char *view_presets_find(const struct view_presets *presets,
                              const char *name, size_t length);

/* The candidate closest to word[0..length) so far, by edit distance. */
struct view_nearest {
    const char *word;
    size_t length;
    size_t distance;
    char best[48];
};
/* What prepfs says for a word that people know from other programs ("resize",
 * "png"), or NULL. */
const char *view_other_word(const char *word, size_t length);
void view_nearest_init(struct view_nearest *n, const char *word, size_t length);
void view_nearest_try(struct view_nearest *n, const char *candidate);
/* The best candidate if it is close enough to be meant, else "". */
const char *view_nearest_get(const struct view_nearest *n);

#endif
