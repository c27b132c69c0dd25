// The pixels of PNG files: the row filters undone, and the luminance.

#pragma once

#include "kernel_common.h"

namespace {

const int LANES = 32;
const int ROW = LANES + 16;  // bytes of a step: the lane above the first, the lanes, room

// The skewed rows of a block as steps, or back: byte t of row i is byte 1 + i of step t.
inline void to_steps(const uint8_t* rows, int64_t length, uint8_t* steps) {
    for (int64_t t = 0; t < length; t += 8)
        for (int i = 0; i < LANES; i += 8)
            for (int k = 0; k < 8; k++)
                for (int j = 0; j < 8; j++) steps[(t + j) * ROW + 1 + i + k] = rows[(i + k) * length + t + j];
}

inline void to_rows(const uint8_t* steps, int64_t length, uint8_t* rows) {
    for (int64_t t = 0; t < length; t += 8)
        for (int i = 0; i < LANES; i += 8)
            for (int k = 0; k < 8; k++)
                for (int j = 0; j < 8; j++) rows[(i + k) * length + t + j] = steps[(t + j) * ROW + 1 + i + k];
}

// Lanes of one step: x + the prediction of each lane's filter from what is left of it, above it, and left above.
inline void unfilter_step(uint8_t* x, const uint8_t* left, const uint8_t* above, const uint8_t* corner,
                          const int16_t (*is)[LANES]) {
    uint8_t result[LANES];
    for (int i = 0; i < LANES; i++) {
        int16_t a = left[i], b = above[i], c = corner[i];
        int16_t p = b - c, q = a - c, r = p + q;
        int16_t pa = p < 0 ? -p : p, pb = q < 0 ? -q : q, pc = r < 0 ? -r : r;
        int16_t nearer = pb <= pc ? b : c, least = pb <= pc ? pb : pc;
        int16_t paeth = pa <= least ? a : nearer;
        int16_t prediction = (is[1][i] & a) | (is[2][i] & b) | (is[3][i] & int16_t((a + b) >> 1)) | (is[4][i] & paeth);
        result[i] = uint8_t(x[i] + prediction);
    }
    memcpy(x, result, LANES);
}

// One row after the other, for images of few rows, in which the lanes would be empty.
int unfilter_rows(const uint8_t* raw, int64_t h, int64_t stride, int64_t size, uint8_t* out) {
    for (int64_t y = 0; y < h; y++) {
        const uint8_t* row = raw + y * (stride + 1);
        int filter = row[0];
        if (filter > 4) return 0;
        for (int64_t t = 0; t < stride; t++) {
            uint8_t* at = out + y * stride + t;
            int a = t < size ? 0 : at[-size], b = y == 0 ? 0 : at[-stride], c = t < size || y == 0 ? 0 : at[-stride - size];
            int p = b - c, q = a - c, pa = abs(p), pb = abs(q), pc = abs(p + q);
            int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
            int predictions[] = {0, a, b, (a + b) >> 1, paeth};
            *at = uint8_t(row[1 + t] + predictions[filter]);
        }
    }
    return 1;
}

}  // namespace

// out (h, stride) from the filtered rows of a PNG, each a filter's number and `stride` bytes; pixels are of `size`
// bytes. Returns 0 where a number is no filter's.
//
// A byte waits for the one left of it, and a row for the one above. Hence many rows go at once, each one pixel
// behind the row above: a step holds byte t - i size of row i in its lane i, all of them independent. Takes the memory
// of 80 rows, of images that have 32 at least.
EXPORT(int, unfilter)(const uint8_t* raw, int64_t h, int64_t stride, int64_t size, uint8_t* out) try {
    if (h < LANES) return unfilter_rows(raw, h, stride, size, out);
    int64_t length = (stride + (LANES - 1) * size + 7) / 8 * 8;
    Array<uint8_t> rows(LANES * length), memory((length + 2 * size) * ROW + 64);
    uint8_t* steps = memory + 2 * size * ROW;  // before the first one, zeros
    for (int64_t y = 0; y < h; y += LANES) {
        int count = h - y < LANES ? h - y : LANES;
        int16_t is[5][LANES] = {};
        memset(rows, 0, LANES * length);
        for (int i = 0; i < count; i++) {
            const uint8_t* row = raw + (y + i) * (stride + 1);
            if (row[0] > 4) return 0;
            is[row[0]][i] = -1;
            memcpy(rows + i * length + i * size, row + 1, stride);
        }
        to_steps(rows, length, steps);
        if (y > 0)
            for (int64_t t = 0; t < stride; t++) steps[(t - size) * ROW] = out[(y - 1) * stride + t];
        for (int64_t t = 0; t < length; t++) {
            uint8_t* step = steps + t * ROW;
            unfilter_step(step + 1, step - size * ROW + 1, step - size * ROW, step - 2 * size * ROW, is);
        }
        to_rows(steps, length, rows);
        for (int i = 0; i < count; i++) memcpy(out + (y + i) * stride, rows + i * length + i * size, stride);
    }
    return 1;
}
OR_ELSE(0)

// out (n): BT.601 luminance of pixels R, G, B, in Pillow's fixed point. Returns whether R = G = B everywhere.
EXPORT(int, luminance)(const uint8_t* pixels, int64_t n, uint8_t* out) {
    uint8_t differ = 0;
    for (int64_t k = 0; k < n; k++) {
        uint8_t r = pixels[3 * k], g = pixels[3 * k + 1], b = pixels[3 * k + 2];
        out[k] = uint8_t((19595u * r + 38470u * g + 7471u * b + 0x8000u) >> 16);
        differ |= (r ^ g) | (g ^ b);
    }
    return !differ;
}
