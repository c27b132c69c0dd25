// SSIM in 7x7 boxes.

#pragma once

#include "kernel_common.h"

namespace {

#if defined(__clang__)
#define SEPARATE_ROUNDING
#else
#define SEPARATE_ROUNDING __attribute__((noinline, optimize("fp-contract=off")))
#endif

// Means of 7 columns of the column sums c, rounded to float after each direction. Sums of seven floats are exact in double,
// and so is, after rounding to float, the product with the inverse of 7 in place of the quotient.
void box_row(const int32_t* __restrict c, int64_t w, float* __restrict column, double* __restrict pairs, float* __restrict out) {
    for (int64_t x = 0; x < w; x++) column[x] = float(c[x] * (1 / 7.0));
    for (int64_t x = 0; x < w - 1; x++) pairs[x] = double(column[x]) + double(column[x + 1]);
    for (int64_t x = 0; x < w - 6; x++)
        out[x] = float((pairs[x] + pairs[x + 2] + pairs[x + 4] + double(column[x + 6])) * (1 / 7.0));
}

SEPARATE_ROUNDING void box_similarity_row(const float* __restrict ux, const float* __restrict uy, const float* __restrict uxx,
                                          const float* __restrict uyy, const float* __restrict uxy, int64_t n, float c1,
                                          float c2, double* __restrict total) {
#if defined(__clang__)
#pragma clang fp contract(off)
#endif
    const float sample = 49.0f / 48.0f;
    for (int64_t x = 0; x < n; x++) {
        float vx = sample * (uxx[x] - ux[x] * ux[x]), vy = sample * (uyy[x] - uy[x] * uy[x]);
        float vxy = sample * (uxy[x] - ux[x] * uy[x]);
        float similar = (2.0f * ux[x] * uy[x] + c1) * (2.0f * vxy + c2);
        total[x] += double(similar / ((ux[x] * ux[x] + uy[x] * uy[x] + c1) * (vx + vy + c2)));
    }
}

}  // namespace

// Sum over both sources of the mean SSIM in 7x7 uniform windows, float32 as scikit-image rounds. h, w >= 7.
EXPORT(double, ssim_boxes)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double peak) try {
    const float c1 = float((0.01 * peak) * (0.01 * peak)), c2 = float((0.03 * peak) * (0.03 * peak));
    const int64_t n = w - 6;
    // Column sums, then means, of a, b, f, aa, bb, ff, af, bf.
    Array<int32_t> sums(8 * w);
    Array<float> means(8 * w), column(w);
    Array<double> pairs(w), total(w);
    for (int64_t y = 0; y < h; y++) {
        const uint8_t *a1 = a + y * w, *b1 = b + y * w, *f1 = f + y * w;
        int32_t* __restrict c = sums;
        for (int64_t x = 0; x < w; x++) {
            int32_t p = a1[x], q = b1[x], r = f1[x];
            c[x] += p, c[w + x] += q, c[2 * w + x] += r;
            c[3 * w + x] += p * p, c[4 * w + x] += q * q, c[5 * w + x] += r * r;
            c[6 * w + x] += p * r, c[7 * w + x] += q * r;
        }
        if (y < 6) continue;
        for (int k = 0; k < 8; k++) box_row(c + k * w, w, column, pairs, means + k * w);
        const float* m = means;
        box_similarity_row(m, m + 2 * w, m + 3 * w, m + 5 * w, m + 6 * w, n, c1, c2, total);
        box_similarity_row(m + w, m + 2 * w, m + 4 * w, m + 5 * w, m + 7 * w, n, c1, c2, total);
        const uint8_t *a0 = a1 - 6 * w, *b0 = b1 - 6 * w, *f0 = f1 - 6 * w;
        for (int64_t x = 0; x < w; x++) {
            int32_t p = a0[x], q = b0[x], r = f0[x];
            c[x] -= p, c[w + x] -= q, c[2 * w + x] -= r;
            c[3 * w + x] -= p * p, c[4 * w + x] -= q * q, c[5 * w + x] -= r * r;
            c[6 * w + x] -= p * r, c[7 * w + x] -= q * r;
        }
    }
    return sum(total, n) / double(n * (h - 6));
}
OR_ELSE(0)
