// SPDX-License-Identifier: MIT
/*
 * The shortest digits that read back as the same double, and of these the
 * nearest: the free-format algorithm of Steele and White as given by Burger
 * and Dybvig ("Printing Floating-Point Numbers Quickly and Accurately",
 * 1996), on whole numbers as long as it takes. printf would need three
 * attempts and a strtod, and both ask the locale.
 *
 *     value = r / s * 10^k; all decimals between value - low / s * 10^k and
 *     value + high / s * 10^k read back as the value, the bounds too if its
 *     significand is even (ties go to even).
 */
#include "json/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- whole numbers ------------------------------------------------------ */

/* The largest is 2^1076 * 10 (of 2^-1074) or 10^324 * 2^56 (to scale it up):
 * 1133 bits. */
#define LIMBS 38

struct big {
    unsigned n; /* limbs in use, none of the top ones 0 */
    uint32_t limb[LIMBS];
};

static struct big big_of(uint64_t value)
{
    struct big b = {0, {(uint32_t)value, (uint32_t)(value >> 32)}};

    b.n = b.limb[1] ? 2 : b.limb[0] ? 1 : 0;
    return b;
}

static void big_multiply(struct big *b, uint32_t factor)
{
    uint64_t carry = 0;

    for (unsigned i = 0; i < b->n; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) {
        assert(b->n < LIMBS);
        b->limb[b->n++] = (uint32_t)carry;
    }
}

static void big_shift(struct big *b, unsigned bits)
{
    unsigned limbs = bits / 32;

    if (b->n == 0)
        return;
    assert(b->n + limbs <= LIMBS);
    memmove(b->limb + limbs, b->limb, b->n * sizeof *b->limb);
    memset(b->limb, 0, limbs * sizeof *b->limb);
    b->n += limbs;
    big_multiply(b, UINT32_C(1) << bits % 32);
}

static void big_power_of_ten(struct big *b, unsigned power)
{
    for (; power >= 9; power -= 9)
        big_multiply(b, 1000000000);
    for (; power > 0; power--)
        big_multiply(b, 10);
}

static struct big big_sum(const struct big *a, const struct big *b)
{
    struct big sum = {0, {0}};
    uint64_t carry = 0;

    for (unsigned i = 0; i < a->n || i < b->n || carry; i++) {
        carry += i < a->n ? a->limb[i] : 0;
        carry += i < b->n ? b->limb[i] : 0;
        assert(i < LIMBS);
        sum.limb[i] = (uint32_t)carry;
        carry >>= 32;
        sum.n = i + 1;
    }
    return sum;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (unsigned i = a->n; i-- > 0;) {
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

/* a - b, where a >= b */
static void big_subtract(struct big *a, const struct big *b)
{
    uint64_t borrow = 0;

    for (unsigned i = 0; i < a->n; i++) {
        uint64_t take = borrow + (i < b->n ? b->limb[i] : 0);

        borrow = a->limb[i] < take;
        a->limb[i] -= (uint32_t)take;
    }
    while (a->n > 0 && a->limb[a->n - 1] == 0)
        a->n--;
}

/* a / s, which is below 10, leaving the rest in a. */
static unsigned big_digit(struct big *a, const struct big *s)
{
    unsigned digit = 0;

    for (; big_compare(a, s) >= 0; digit++)
        big_subtract(a, s);
    assert(digit < 10);
    return digit;
}

/* ---- digits ------------------------------------------------------------- */

struct search {
    struct big r, s, high, low;
    bool is_even;
};

/* value = significand * 2^exponent, as whole numbers over s. */
static void set_up(struct search *x, uint64_t significand, int exponent)
{
    /* below a power of two the neighbours are nearer */
    bool is_edge = significand == UINT64_C(1) << 52 && exponent > -1074;
    unsigned up = exponent > 0 ? (unsigned)exponent : 0;
    unsigned down = exponent < 0 ? (unsigned)-exponent : 0;

    x->is_even = significand % 2 == 0;
    x->r = big_of(significand);
    big_shift(&x->r, up + 1 + is_edge);
    x->s = big_of(1);
    big_shift(&x->s, down + 1 + is_edge);
    x->low = big_of(1);
    big_shift(&x->low, up);
    x->high = big_of(1);
    big_shift(&x->high, up + is_edge);
}

/* Is what is left so near below the next unit that it rounds up to it? */
static bool reaches_above(const struct search *x)
{
    struct big sum = big_sum(&x->r, &x->high);
    int order = big_compare(&sum, &x->s);

    return x->is_even ? order >= 0 : order > 0;
}

static bool reaches_below(const struct search *x)
{
    int order = big_compare(&x->r, &x->low);

    return x->is_even ? order <= 0 : order < 0;
}

/* Finds k with value < 10^k, but not < 10^(k-1), both as seen with the upper
 * bound, and divides by it. The logarithm may be one too low. */
static int scale(struct search *x, uint64_t significand, int exponent)
{
    double power = log10((double)significand) + exponent * 0.30102999566398120;
    int k = (int)ceil(power - 1e-9);

    if (k >= 0) {
        big_power_of_ten(&x->s, (unsigned)k);
    } else {
        big_power_of_ten(&x->r, (unsigned)-k);
        big_power_of_ten(&x->low, (unsigned)-k);
        big_power_of_ten(&x->high, (unsigned)-k);
    }
    if (reaches_above(x)) {
        big_multiply(&x->s, 10);
        k++;
    }
    return k;
}

/* Both the digit and the next one read back: the nearer one, and of two that
 * are as near the even one (RFC 8785, note 2 of ECMA-262). */
static bool is_nearer_above(struct search *x, unsigned digit)
{
    int order;

    big_shift(&x->r, 1);
    order = big_compare(&x->r, &x->s);
    return order > 0 || (order == 0 && digit % 2 == 1);
}

/* Digits of value = 0.d1d2d3... * 10^k; returns how many, at most 17. */
static unsigned find_digits(double value, char digits[20], int *ret_k)
{
    int exponent;
    double fraction = frexp(value, &exponent);
    uint64_t significand;
    struct search x;
    unsigned n = 0;

    exponent -= 53;
    if (exponent < -1074) { /* subnormal: fewer bits */
        fraction = ldexp(fraction, exponent + 1074);
        exponent = -1074;
    }
    significand = (uint64_t)ldexp(fraction, 53);
    set_up(&x, significand, exponent);
    *ret_k = scale(&x, significand, exponent);
    for (;;) {
        bool below;
        bool above;
        unsigned digit;

        big_multiply(&x.r, 10);
        big_multiply(&x.low, 10);
        big_multiply(&x.high, 10);
        digit = big_digit(&x.r, &x.s);
        below = reaches_below(&x);
        above = reaches_above(&x);
        if (below && above)
            above = is_nearer_above(&x, digit);
        assert(n < 18 && digit + above < 10);
        digits[n++] = (char)('0' + digit + above);
        if (below || above)
            return n;
    }
}

/* ---- text --------------------------------------------------------------- */

static char *put_zeros(char *p, int n)
{
    for (; n > 0; n--)
        *p++ = '0';
    return p;
}

static char *put_digits(char *p, const char *digits, int n)
{
    memcpy(p, digits, (size_t)n);
    return p + n;
}

static char *put_exponent(char *p, int exponent)
{
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    if (exponent < 0)
        exponent = -exponent;
    if (exponent >= 100)
        *p++ = (char)('0' + exponent / 100);
    if (exponent >= 10)
        *p++ = (char)('0' + exponent / 10 % 10);
    *p++ = (char)('0' + exponent % 10);
    return p;
}

/* ECMA-262, Number::toString, steps 6 to 10. */
size_t json_print_number(double value, char ret[JSON_NUMBER_SIZE])
{
    char digits[20];
    char *p = ret;
    int k;
    int n;

    assert(isfinite(value));
    if (value < 0)
        *p++ = '-';
    if (value == 0) {
        memcpy(ret, "0", 2); /* -0 too */
        return 1;
    }
    n = (int)find_digits(fabs(value), digits, &k);
    if (k > 21 || k <= -6) {
        *p++ = digits[0];
        if (n > 1) {
            *p++ = '.';
            p = put_digits(p, digits + 1, n - 1);
        }
        p = put_exponent(p, k - 1);
    } else if (k <= 0) {
        p = put_digits(p, "0.", 2);
        p = put_zeros(p, -k);
        p = put_digits(p, digits, n);
    } else if (n <= k) {
        p = put_digits(p, digits, n);
        p = put_zeros(p, k - n);
    } else {
        p = put_digits(p, digits, k);
        *p++ = '.';
        p = put_digits(p, digits + k, n - k);
    }
    *p = '\0';
    return (size_t)(p - ret);
}
