// SPDX-License-Identifier: MIT
/*
 * The nearest 32-bit fraction, by continued fractions.
 *
 * A double is the exact fraction m * 2^e, so that Euclid's algorithm runs on
 * integers and nothing is rounded. Convergents are the best approximations of
 * their size; the last one that fits may still be beaten by a
 * semiconvergent between it and the first that does not.
 *
 * Bounds: values within [2^-32, 2^32) have a denominator of at most
 * 2^(52+32), and an error is compared by products below 2^(85+32+1).
 */
#include "tiff/rational.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

__extension__ typedef unsigned __int128 uint128;

struct fraction {
    uint128 num;
    uint128 den;
};

/* value == num / den exactly. */
static struct fraction exact(double value)
{
    int exponent;
    double mantissa = frexp(value, &exponent); /* in [0.5, 1) */
    uint128 integer = (uint128)ldexp(mantissa, 53);

    exponent -= 53;
    if (exponent >= 0)
        return (struct fraction){integer << exponent, 1};
    return (struct fraction){integer, (uint128)1 << -exponent};
}

static uint128 distance(struct fraction x, struct fraction f)
{
    uint128 a = x.num * f.den;
    uint128 b = f.num * x.den;

    return a > b ? a - b : b - a;
}

/* |x - a| < |x - b|; both sides are scaled by x.den * a.den * b.den, of which
 * x.den is common. */
static bool is_nearer(struct fraction x, struct fraction a, struct fraction b)
{
    uint128 left = distance(x, a);
    uint128 right = distance(x, b);

    /* left / a.den < right / b.den, compared without overflow: the integer
     * parts first, then the remainders, which are below 2^32. */
    if (left / a.den != right / b.den)
        return left / a.den < right / b.den;
    return (left % a.den) * b.den < (right % b.den) * a.den;
}

/* The largest k with before + k * last still a 32-bit fraction. */
static uint128 steps_that_fit(struct fraction before, struct fraction last)
{
    uint128 by_num =
        last.num ? (UINT32_MAX - before.num) / last.num : UINT32_MAX;
    uint128 by_den =
        last.den ? (UINT32_MAX - before.den) / last.den : UINT32_MAX;

    return by_num < by_den ? by_num : by_den;
}

static struct fraction nearest(struct fraction x)
{
    struct fraction before = {0, 1};
    struct fraction last = {1, 0};
    uint128 a = x.num;
    uint128 b = x.den;

    while (b != 0) {
        uint128 digit = a / b;
        uint128 rest = a % b;
        uint128 fit = steps_that_fit(before, last);
        uint128 k = digit < fit ? digit : fit;
        struct fraction next = {before.num + k * last.num,
                                before.den + k * last.den};

        if (k < digit) {
            if (last.den == 0 || (next.den != 0 && is_nearer(x, next, last)))
                return next;
            return last;
        }
        before = last;
        last = next;
        a = b;
        b = rest;
    }
    return last;
}

void rational_nearest(double value, uint32_t ret[2])
{
    struct fraction f;

    assert(isfinite(value) && value > 0);
    if (value >= UINT32_MAX)
        f = (struct fraction){UINT32_MAX, 1};
    else if (value <= 1.0 / UINT32_MAX)
        f = (struct fraction){1, UINT32_MAX};
    else
        f = nearest(exact(value));
    assert(f.num <= UINT32_MAX && f.den <= UINT32_MAX);
    ret[0] = (uint32_t)f.num;
    ret[1] = (uint32_t)f.den;
}
