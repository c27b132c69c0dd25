// Histograms and sums over levels.

#pragma once

#include "kernel_common.h"

// counts (65536, zeroed here): number of pixels with level i in x and j in y at 256 i + j.
EXPORT(void, joint_histogram)(const uint8_t* x, const uint8_t* y, int64_t n, int32_t* counts) try {
    // Two tables: equal neighbours do not wait for each other.
    Array<int32_t> second(65536);
    memset(counts, 0, 65536 * sizeof(int32_t));
    int64_t k = 0;
    for (; k + 1 < n; k += 2) {
        counts[x[k] << 8 | y[k]]++;
        second[x[k + 1] << 8 | y[k + 1]]++;
    }
    if (k < n) counts[x[k] << 8 | y[k]]++;
    for (int i = 0; i < 65536; i++) counts[i] += second[i];
}
OR_ELSE()

// counts (256, zeroed here): number of pixels of each level.
EXPORT(void, histogram)(const uint8_t* x, int64_t n, int64_t* counts) {
    int64_t tables[4][256] = {};
    int64_t k = 0;
    for (; k + 3 < n; k += 4)
        for (int i = 0; i < 4; i++) tables[i][x[k + i]]++;
    for (; k < n; k++) tables[0][x[k]]++;
    for (int i = 0; i < 256; i++) counts[i] = tables[0][i] + tables[1][i] + tables[2][i] + tables[3][i];
}

EXPORT(int64_t, product_sum)(const uint8_t* x, const uint8_t* y, int64_t n) {
    int64_t total = 0;
    for (int64_t from = 0; from < n; from += 32768) {
        int64_t to = from + 32768 < n ? from + 32768 : n;
        uint32_t part = 0;  // at most 32768 * 255^2 < 2^31
        for (int64_t k = from; k < to; k++) part += uint32_t(x[k]) * y[k];
        total += part;
    }
    return total;
}

// out = sums of the squared first differences along rows and along columns.
EXPORT(void, squared_differences)(const uint8_t* x, int64_t h, int64_t w, int64_t* out) {
    out[0] = out[1] = 0;
    for (int64_t y = 0; y < h; y++) {
        const uint8_t* row = x + y * w;
        for (int64_t from = 0; from < w; from += 16384) {
            int64_t to = from + 16384 < w ? from + 16384 : w;
            int32_t along = 0, across = 0;
            for (int64_t k = from; k < (to < w ? to : w - 1); k++) {
                int32_t d = row[k + 1] - row[k];
                along += d * d;
            }
            if (y + 1 < h)
                for (int64_t k = from; k < to; k++) {
                    int32_t d = row[k + w] - row[k];
                    across += d * d;
                }
            out[0] += along;
            out[1] += across;
        }
    }
}
