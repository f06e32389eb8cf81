// SPDX-License-Identifier: MIT
/*
 * view_num.c: numbers in names.
 *
 * Decimal texts of up to 15 significant digits and doubles stand for one
 * another exactly (DBL_DIG), which is what makes parse(print(v)) = v. Reading
 * is one division of two integers that a double holds exactly, so it rounds
 * once, the same on every machine; strtod and printf would ask the locale.
 */
#include "view/view_ops.h"

#include <math.h>

#define SIGNIFICANT_MAX 15
#define DECIMALS_MAX 12

static const double powers_of_ten[DECIMALS_MAX + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool view_digits(const char **text, const char *end, uint64_t *ret)
{
    const char *p = *text;
    uint64_t value = 0;

    if (p >= end || !is_digit(*p))
        return false;
    for (; p < end && is_digit(*p); p++) {
        if (value > (UINT64_MAX - 9) / 10)
            value = UINT64_MAX;
        else
            value = value * 10 + (uint64_t)(*p - '0');
    }
    *text = p;
    *ret = value;
    return true;
}

/* The end of the decimals without their trailing zeros. */
static const char *trim_zeros(const char *first, const char *last)
{
    while (last > first && last[-1] == '0')
        last--;
    return last;
}

enum view_number_result view_number(const char **text, const char *end,
                                    double *ret)
{
    const char *p = *text;
    bool negative = p < end && *p == '-';
    int64_t mantissa = 0;
    int significant = 0;
    int decimals = 0;

    if (negative)
        p++;
    if (p >= end || !is_digit(*p))
        return NUMBER_NONE;
    for (; p < end && is_digit(*p); p++) {
        if (significant > 0 || *p != '0')
            significant++;
        if (significant <= SIGNIFICANT_MAX)
            mantissa = mantissa * 10 + (*p - '0');
    }
    if (p + 1 < end && *p == '.' && is_digit(p[1])) {
        const char *first = ++p;

        while (p < end && is_digit(*p))
            p++;
        for (const char *q = first; q < trim_zeros(first, p); q++) {
            if (significant > 0 || *q != '0')
                significant++;
            decimals++;
            if (significant <= SIGNIFICANT_MAX && decimals <= DECIMALS_MAX)
                mantissa = mantissa * 10 + (*q - '0');
        }
    }
    *text = p;
    if (significant > SIGNIFICANT_MAX || decimals > DECIMALS_MAX)
        return NUMBER_DIGITS;
    *ret = (double)mantissa / powers_of_ten[decimals];
    if (negative && mantissa != 0) /* there is no -0 in a name */
        *ret = -*ret;
    return NUMBER_OK;
}

void view_out_text(struct view_out *out, const char *text)
{
    for (; *text; text++) {
        if (out->length + 1 < out->size)
            out->buf[out->length] = *text;
        out->length++;
    }
}

static void out_char(struct view_out *out, char c)
{
    const char text[2] = {c, '\0'};

    view_out_text(out, text);
}

void view_out_uint(struct view_out *out, uint64_t value)
{
    char digits[24];
    size_t n = sizeof digits;

    digits[--n] = '\0';
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    view_out_text(out, digits + n);
}

/*
 * The shortest decimal that reads back as `value`: the fewest decimals that
 * do. A value with 15 digits times its power of ten is off by less than half
 * a unit, so llround finds its mantissa. Values that no name can say (made by
 * hand) are printed with the most decimals that still fit.
 */
void view_out_number(struct view_out *out, double value)
{
    double size = fabs(value);
    int decimals = 0;
    uint64_t mantissa;
    uint64_t unit;

    if (!(size < 1e15))
        size = 0; /* also NaN */
    while (decimals < DECIMALS_MAX &&
           (double)llround(size * powers_of_ten[decimals]) /
                   powers_of_ten[decimals] !=
               size &&
           size * powers_of_ten[decimals + 1] < 1e15)
        decimals++;
    mantissa = (uint64_t)llround(size * powers_of_ten[decimals]);
    unit = (uint64_t)powers_of_ten[decimals];
    if (value < 0 && mantissa > 0)
        out_char(out, '-');
    view_out_uint(out, mantissa / unit);
    if (mantissa % unit == 0)
        return;
    out_char(out, '.');
    for (mantissa %= unit; mantissa > 0; mantissa %= unit) {
        unit /= 10;
        out_char(out, (char)('0' + mantissa / unit));
    }
}
