// SPDX-License-Identifier: MIT
/*
 * filter_kernel.h: prediction for one sample type; included once per type.
 *
 * The includer defines KERNEL_TYPE (unsigned), KERNEL_SIGNED, KERNEL_BITS and
 * KERNEL(name), which gives the type's own name of a function. There is no
 * include guard on purpose.
 */
static inline __attribute__((always_inline)) KERNEL_TYPE
KERNEL(load)(const uint8_t *src, size_t i)
{
    KERNEL_TYPE x;

    memcpy(&x, src + i * sizeof x, sizeof x);
    return x;
}

/* 0, -1, 1, -2, ... to 0, 1, 2, 3, ... */
static inline __attribute__((always_inline)) KERNEL_TYPE
KERNEL(fold)(KERNEL_TYPE d)
{
    return (KERNEL_TYPE)((KERNEL_TYPE)(d << 1) ^
                         (KERNEL_TYPE)((KERNEL_SIGNED)d >> (KERNEL_BITS - 1)));
}

static inline __attribute__((always_inline)) KERNEL_TYPE
KERNEL(unfold)(KERNEL_TYPE z)
{
    return (KERNEL_TYPE)((KERNEL_TYPE)(z >> 1) ^ (KERNEL_TYPE)(0 - (z & 1)));
}

/* The residuals of n samples from i on. Before the first sample all is 0. */
static inline __attribute__((always_inline)) void
KERNEL(residuals)(const uint8_t *src, size_t i, size_t n, size_t row,
                  enum predictor predictor, KERNEL_TYPE *z)
{
    bool left = predictor == PREDICT_LEFT || predictor == PREDICT_GRAD;
    bool up = predictor == PREDICT_UP || predictor == PREDICT_GRAD;

    for (size_t k = 0; k < n; k++)
        z[k] = KERNEL(load)(src, i + k);
    if (left)
        for (size_t k = i == 0; k < n; k++)
            z[k] = (KERNEL_TYPE)(z[k] - KERNEL(load)(src, i + k - 1));
    if (up)
        for (size_t k = 0; k < n; k++)
            z[k] = (KERNEL_TYPE)(z[k] - KERNEL(load)(src, i + k - row));
    if (left && up)
        for (size_t k = i == row; k < n; k++)
            z[k] = (KERNEL_TYPE)(z[k] + KERNEL(load)(src, i + k - row - 1));
    if (predictor == PREDICT_NONE)
        return;
    for (size_t k = 0; k < n; k++)
        z[k] = KERNEL(fold)(z[k]);
}

/* The running sum that stands before sample i: what LEFT and GRAD add to. */
static inline KERNEL_TYPE KERNEL(carry)(const uint8_t *dst, size_t i,
                                        size_t row, enum predictor predictor)
{
    KERNEL_TYPE x;

    if (i == 0 || (predictor != PREDICT_LEFT && predictor != PREDICT_GRAD))
        return 0;
    x = KERNEL(load)(dst, i - 1);
    if (predictor == PREDICT_GRAD && i > row)
        x = (KERNEL_TYPE)(x - KERNEL(load)(dst, i - 1 - row));
    return x;
}

/* Writes n samples from i on; *carry runs from call to call. */
static inline __attribute__((always_inline)) void
KERNEL(restore)(const KERNEL_TYPE *z, size_t i, size_t n, size_t row,
                enum predictor predictor, KERNEL_TYPE *carry, uint8_t *dst)
{
    bool left = predictor == PREDICT_LEFT || predictor == PREDICT_GRAD;
    bool up = predictor == PREDICT_UP || predictor == PREDICT_GRAD;

    for (size_t k = 0; k < n; k++) {
        KERNEL_TYPE x = z[k];

        if (predictor != PREDICT_NONE)
            x = KERNEL(unfold)(x);
        if (left)
            x = *carry = (KERNEL_TYPE)(*carry + x);
        if (up)
            x = (KERNEL_TYPE)(x + KERNEL(load)(dst, i + k - row));
        memcpy(dst + (i + k) * sizeof x, &x, sizeof x);
    }
}

#undef KERNEL_TYPE
#undef KERNEL_SIGNED
#undef KERNEL_BITS
#undef KERNEL
