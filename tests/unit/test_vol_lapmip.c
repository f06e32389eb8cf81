// SPDX-License-Identifier: MIT
/*
 * test_vol_lapmip: vol-lapmip against REF 7.5 written down once more, pixel
 * by pixel and without any of the shortcuts of vol_lapmip.c.
 */
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/convert.h"
#include "image/vol.h"
#include "support/check_main.h"

#define FRAMES_MAX 5

static struct error err;

/* ---- the text of REF 7.5 ------------------------------------------------ */

struct plane {
    int w, h;
    float *at;
};

static struct plane plane_new(int w, int h)
{
    struct plane p = {w, h, calloc((size_t)w * (size_t)h, sizeof(float))};

    assert(p.at);
    return p;
}

/* Edge clamped. */
static float *px(const struct plane *p, int x, int y)
{
    x = x < 0 ? 0 : x >= p->w ? p->w - 1 : x;
    y = y < 0 ? 0 : y >= p->h ? p->h - 1 : y;
    return &p->at[(size_t)y * (size_t)p->w + (size_t)x];
}

static float grey(const struct image *frame, int x, int y)
{
    const void *row = image_row(frame, (uint32_t)y);
    size_t i = (size_t)x * frame->channels;

    if (frame->type == SAMPLE_U16) {
        const uint16_t *s = (const uint16_t *)row + i;

        return (float)(frame->channels == 1
                           ? s[0]
                           : convert_luma16(s[0], s[1], s[2])) /
               65535.0F;
    } else {
        const uint8_t *s = (const uint8_t *)row + i;
        float unit = 1.0F / 255.0F;
        float l;

        if (frame->channels == 1)
            return (float)(s[0] * 257) / 65535.0F;
        l = (s[0] * unit * 0x1.b380b6p-3F + s[1] * unit * 0x1.6e2bf8p-1F) +
            s[2] * unit * 0x1.279eeap-4F;
        l = roundf(l * 65535.0F);
        return (l > 65535.0F ? 65535.0F : l) / 65535.0F;
    }
}

static struct plane filtered(const struct plane *in)
{
    struct plane out = plane_new(in->w, in->h);

    for (int y = 0; y < in->h; y++) {
        for (int x = 0; x < in->w; x++) {
            float sum = 0;
            float weights = 0;

            for (int dy = -6; dy <= 6; dy++) {
                for (int dx = -6; dx <= 6; dx++) {
                    float v = *px(in, x + dx, y + dy);
                    float d = v - *px(in, x, y);
                    float index = roundf(fminf(d * d, 1.0F) * 2047.0F);
                    float ws = expf(-(float)(dx * dx + dy * dy) / 18.0F);
                    float wr =
                        expf(-(index / 2047.0F) / (2.0F * 0.015F * 0.015F));

                    sum += v * (ws * wr);
                    weights += ws * wr;
                }
            }
            *px(&out, x, y) = sum / weights;
        }
    }
    return out;
}

static struct plane blurred(const struct plane *in, int step_x, int step_y)
{
    static const float kernel[] = {1, 4, 6, 4, 1};
    struct plane out = plane_new(in->w, in->h);

    for (int y = 0; y < in->h; y++) {
        for (int x = 0; x < in->w; x++) {
            float sum = 0;

            for (int k = -2; k <= 2; k++)
                sum += *px(in, x + k * step_x, y + k * step_y) *
                       (kernel[k + 2] / 16.0F);
            *px(&out, x, y) = sum;
        }
    }
    return out;
}

static struct plane halved(const struct plane *in)
{
    struct plane across = blurred(in, 1, 0);
    struct plane both = blurred(&across, 0, 1);
    struct plane out = plane_new((in->w + 1) / 2, (in->h + 1) / 2);

    for (int y = 0; y < out.h; y++) {
        for (int x = 0; x < out.w; x++)
            *px(&out, x, y) = *px(&both, 2 * x, 2 * y);
    }
    free(across.at);
    free(both.at);
    return out;
}

static float expanded(const struct plane *half, int x, int y, int w, int h)
{
    float sx = (float)x * (float)(half->w - 1) / (float)(w > 1 ? w - 1 : 1);
    float sy = (float)y * (float)(half->h - 1) / (float)(h > 1 ? h - 1 : 1);
    int x0 = (int)floorf(sx);
    int y0 = (int)floorf(sy);
    float fx = sx - (float)x0;
    float fy = sy - (float)y0;

    return *px(half, x0, y0) * (1.0F - fx) * (1.0F - fy) +
           *px(half, x0 + 1, y0) * fx * (1.0F - fy) +
           *px(half, x0, y0 + 1) * (1.0F - fx) * fy +
           *px(half, x0 + 1, y0 + 1) * fx * fy;
}

static void accumulate(const struct vol_spec *spec, const struct image *frames,
                       int count, struct plane *base, struct plane *mip)
{
    float max = 0;

    for (int y = 0; y < base->h; y++) {
        for (int x = 0; x < base->w; x++) {
            float sum = 0;
            float most = -3.4028235e38F;

            for (int i = 0; i < count; i++) {
                sum += grey(&frames[i], x, y);
                most = fmaxf(most, grey(&frames[i], x, y));
            }
            *px(base, x, y) =
                spec->central ? grey(&frames[count / 2], x, y) : sum;
            *px(mip, x, y) = most;
            max = fmaxf(max, sum);
        }
    }
    for (int i = 0; !spec->central && max > 0 && i < base->w * base->h; i++)
        base->at[i] /= max;
}

static void reference(const struct vol_spec *spec, const struct image *frames,
                      int count, const struct image *dst)
{
    int w = (int)dst->width;
    int h = (int)dst->height;
    struct plane base = plane_new(w, h);
    struct plane mip = plane_new(w, h);
    struct plane base0;
    struct plane base1;
    struct plane mip0;
    struct plane mip1;

    accumulate(spec, frames, count, &base, &mip);
    base0 = filtered(&base);
    mip0 = filtered(&mip);
    base1 = halved(&base0);
    mip1 = halved(&mip0);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            float e = expanded(&base1, x, y, w, h);
            float l = *px(&base0, x, y) - e;
            float m = *px(&mip0, x, y) - expanded(&mip1, x, y, w, h);
            float out =
                1.0F * e + (2.0F * powf(e, 1.0F)) * (l + spec->weight * m);

            out = fminf(fmaxf(out, 0.0F), 1.0F);
            ((uint16_t *)(void *)image_row(dst, (uint32_t)y))[x] =
                (uint16_t)(out * 65535.0F);
        }
    }
    free(base.at);
    free(mip.at);
    free(base0.at);
    free(mip0.at);
    free(base1.at);
    free(mip1.at);
}

/* ---- comparison --------------------------------------------------------- */

static struct image lapmip(const struct vol_spec *spec,
                           const struct image *frames, uint32_t count)
{
    struct image dst =
        image_test_new(frames[0].width, frames[0].height, 1, SAMPLE_U16, 3);
    struct vol *vol;

    ck_assert_int_eq(vol_begin(spec, count, &vol, &err), 0);
    for (uint32_t i = 0; i < count; i++)
        ck_assert_int_eq(vol_add(vol, &frames[i], &err), 0);
    ck_assert_int_eq(vol_finish(vol, &dst, &err), 0);
    vol_free(vol);
    return dst;
}

/* Slopes with noise of `noise` per cent, so that all branches are met. */
static void picture(const struct image *image, uint32_t noise, uint64_t *seed)
{
    double top = image->type == SAMPLE_U8 ? 255 : 65535;

    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t i = 0; i < image->width * image->channels; i++) {
            double r = (double)(image_test_random(seed) % 1001) / 1000;
            double v = 0.01 * i + 0.013 * y + r * noise / 100;

            v -= floor(v);
            sample_set(image_row(image, y), image->type, i,
                       i + y < 5 ? 0 : v * top);
        }
    }
}

static void compare(uint32_t w, uint32_t h, uint32_t channels,
                    enum sample_type type, uint32_t count, uint32_t noise,
                    const struct vol_spec *spec)
{
    uint64_t seed = w * 1000 + h;
    struct image frames[FRAMES_MAX];
    struct image want = image_test_new(w, h, 1, SAMPLE_U16, 0);
    struct image got;

    for (uint32_t i = 0; i < count; i++) {
        frames[i] = image_test_new(w, h, channels, type, i);
        picture(&frames[i], noise, &seed);
    }
    got = lapmip(spec, frames, count);
    reference(spec, frames, (int)count, &want);
    ck_assert_msg(image_test_equal(&got, &want), "%ux%u, %u channels, %u %%", w,
                  h, channels, noise);
    for (uint32_t i = 0; i < count; i++)
        image_free(&frames[i]);
    image_free(&got);
    image_free(&want);
}

START_TEST(is_the_reference)
{
    static const uint32_t noises[] = {0, 1, 5, 40};
    static const struct vol_spec specs[] = {
        {VOL_LAPMIP, 1.5F, false},
        {VOL_LAPMIP, 2.0F, true},
        {VOL_LAPMIP, 0.0F, false},
        {VOL_LAPMIP, -1.25F, true},
    };

    for (size_t i = 0; i < 4; i++) {
        for (size_t s = 0; s < 4; s++) {
            compare(43, 29, 1, SAMPLE_U16, 3, noises[i], &specs[s]);
            compare(30, 17, 1, SAMPLE_U8, 5, noises[i], &specs[s]);
            compare(21, 24, 3, SAMPLE_U8, 2, noises[i], &specs[s]);
            compare(16, 9, 3, SAMPLE_U16, 4, noises[i], &specs[s]);
        }
    }
}
END_TEST

/* REF panics where a side has fewer than three pixels. */
START_TEST(small_images_do_not_crash)
{
    static const struct vol_spec spec = {VOL_LAPMIP, 1.5F, false};

    for (uint32_t w = 1; w < 20; w++) {
        for (uint32_t h = 1; h < 5; h++) {
            compare(w, h, 1, SAMPLE_U16, 2, 30, &spec);
            compare(h, w, 1, SAMPLE_U8, 2, 30, &spec);
        }
    }
}
END_TEST

START_TEST(darkness_stays_dark_and_light_is_scaled)
{
    static const struct vol_spec sum = {VOL_LAPMIP, 1.5F, false};
    static const struct vol_spec central = {VOL_LAPMIP, 1.5F, true};
    static const struct {
        const struct vol_spec *spec;
        double value;
        double want;
    } rows[] = {
        {&sum, 0, 0},
        {&central, 0, 0},
        {&sum, 300, 65535}, /* the sum is divided by its maximum */
        {&central, 300, 300},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image frames[2];
        struct image got;

        for (int k = 0; k < 2; k++) {
            frames[k] = image_test_new(19, 11, 1, SAMPLE_U16, 0);
            image_test_fill(&frames[k], rows[i].value);
        }
        got = lapmip(rows[i].spec, frames, 2);
        for (uint32_t y = 0; y < 11; y++) {
            for (uint32_t x = 0; x < 19; x++)
                ck_assert_double_eq_tol(image_test_get(&got, x, y),
                                        rows[i].want, 1);
        }
        image_free(&frames[0]);
        image_free(&frames[1]);
        image_free(&got);
    }
}
END_TEST

START_TEST(only_display_samples_are_taken)
{
    static const struct vol_spec spec = {VOL_LAPMIP, 1.5F, false};
    uint64_t room[4] = {0};

    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        enum sample_type type = image_test_types[t];
        bool is_display = type == SAMPLE_U8 || type == SAMPLE_U16;
        struct image frame = image_view(room, 1, 1, 1, type);
        enum sample_type ret_type;
        uint32_t ret_channels;
        struct vol *vol;

        ck_assert_int_eq(
            vol_result(&spec, 2, 3, type, &ret_channels, &ret_type),
            is_display);
        ck_assert_int_eq(vol_begin(&spec, 2, &vol, &err), 0);
        ck_assert_int_eq(vol_add(vol, &frame, &err), is_display ? 0 : -1);
        if (is_display) {
            ck_assert_uint_eq(ret_channels, 1);
            ck_assert_int_eq(ret_type, SAMPLE_U16);
        } else {
            ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
        }
        vol_free(vol);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vol_lapmip");
    TCase *c = tcase_create("lapmip");

    tcase_add_test(c, is_the_reference);
    tcase_add_test(c, small_images_do_not_crash);
    tcase_add_test(c, darkness_stays_dark_and_light_is_scaled);
    tcase_add_test(c, only_display_samples_are_taken);
    suite_add_tcase(s, c);
    return check_main(s);
}
