// Gaussian windows: VIF, and filtered images for the metrics in numpy.

#pragma once

#include "kernel_common.h"

namespace {

const int MAPS = 8;    // a, b, f, aa, bb, ff, af, bf
const int STRIP = 64;  // columns that are taken together, so that all rows of a window stay in the cache

// Width of a row of a strip and its surroundings: whole vectors, so that no loop has a rest. What lies beyond the image is
// computed with whatever finite values are there and not used.
template <int N> constexpr int PITCH = (STRIP + N - 1 + 15) / 16 * 16;

// Rows of the eight maps of a - a0, b - b0, f - f0. R holds sums of two products of T exactly: float for levels, double for
// filtered images.
template <int N, typename T, typename R>
void product_row(const T* __restrict a, const T* __restrict b, const T* __restrict f, R a0, R b0, R f0, int64_t n,
                 R* __restrict out) {
    constexpr int pitch = PITCH<N>;
    for (int64_t x = 0; x < n; x++) {
        R p = R(a[x]) - a0, q = R(b[x]) - b0, r = R(f[x]) - f0;
        out[x] = p, out[pitch + x] = q, out[2 * pitch + x] = r;
        out[3 * pitch + x] = p * p, out[4 * pitch + x] = q * q, out[5 * pitch + x] = r * r;
        out[6 * pitch + x] = p * r, out[7 * pitch + x] = q * r;
    }
}

// Symmetric filter over N rows of one map; window: its first half and the middle.
template <int N, typename R>
void filter_column(const R* const* rows, const double* window, int64_t offset, double* __restrict out) {
    const R* r[N];
    double w[N / 2 + 1];
    for (int k = 0; k < N; k++) r[k] = rows[k] + offset;
    for (int k = 0; k <= N / 2; k++) w[k] = window[k];
#pragma GCC ivdep
    for (int64_t x = 0; x < PITCH<N>; x++) {
        double total = w[N / 2] * double(r[N / 2][x]);
#pragma GCC unroll 16
        for (int k = 0; k < N / 2; k++) total += w[k] * double(r[k][x] + r[N - 1 - k][x]);
        out[x] = total;
    }
}

// The same along a row; out has n values, v has n + N - 1.
template <int N>
inline void filter_row(const double* __restrict v, const double* window, int64_t n, double* __restrict out) {
    double w[N / 2 + 1];
    for (int k = 0; k <= N / 2; k++) w[k] = window[k];
    for (int64_t x = 0; x < n; x++) {
        double total = w[N / 2] * v[x + N / 2];
#pragma GCC unroll 16
        for (int k = 0; k < N / 2; k++) total += w[k] * (v[x + k] + v[x + N - 1 - k]);
        out[x] = total;
    }
}

// Multiplies one row's factors, of which the information is the logarithm, into kept and there.
void information_row(const double* __restrict m1, const double* __restrict m2, const double* __restrict s11,
                     const double* __restrict s22, const double* __restrict s12, double* __restrict kept,
                     double* __restrict there) {
    for (int64_t x = 0; x < STRIP; x++) {
        double s1 = s11[x] - m1[x] * m1[x], s2 = s22[x] - m2[x] * m2[x], s = s12[x] - m1[x] * m2[x];
        s1 = s1 > 0 ? s1 : 0.0, s2 = s2 > 0 ? s2 : 0.0;
        double g = s / (s1 + 1e-10), rest = s2 - g * s;
        bool flat = s1 < 1e-10;
        g = flat ? 0.0 : g, rest = flat ? s2 : rest;
        flat = s2 < 1e-10;
        g = flat ? 0.0 : g, rest = flat ? 0.0 : rest;
        bool inverse = g < 0;
        rest = inverse ? s2 : rest, g = inverse ? 0.0 : g;
        rest = rest > 1e-10 ? rest : 1e-10;
        kept[x] *= 1 + g * g * s1 / (rest + 2);
        there[x] *= 1 + s1 * 0.5;
    }
}

void take_logs(double* __restrict product, double* __restrict logs) {
    for (int64_t x = 0; x < 4 * STRIP; x++) {
        logs[x] += fast_log2(product[x]);
        product[x] = 1;
    }
}

// One scale: out += (kept, there) of source a, then of source b, as log2. Tile by tile, each image less its value in the
// tile's middle, which changes no variance, but keeps the rounding of E[x^2] - E[x]^2 small where the image is flat.
template <int N, typename T, typename R>
void vif_scale(const T* f, const T* a, const T* b, int64_t h, int64_t w, const double* window, double* out) {
    const int64_t width = w - N + 1, height = h - N + 1, size = MAPS * PITCH<N>;
    const int64_t tile = 32;  // rows; factors below 2^13: the product of 32 of them stays below 2^1023
    Array<R> ring(N * size);
    Array<double> columns(PITCH<N>), means(MAPS * STRIP), product(4 * STRIP), logs(4 * STRIP);
    for (int64_t from = 0; from < width; from += STRIP) {
        const int64_t n = from + STRIP < width ? STRIP : width - from;
        for (int64_t x = 0; x < 4 * STRIP; x++) product[x] = 1, logs[x] = 0;
        for (int64_t top = 0; top < height; top += tile) {
            const int64_t bottom = (top + tile < height ? top + tile : height) + N - 1;
            const int64_t middle = (top + bottom) / 2 * w + from + (n + N - 1) / 2;
            for (int64_t y = top; y < bottom; y++) {
                const int64_t at = y * w + from;
                product_row<N, T, R>(a + at, b + at, f + at, R(a[middle]), R(b[middle]), R(f[middle]), n + N - 1,
                                     ring + y % N * size);
                if (y < top + N - 1) continue;
                const R* rows[N];
                for (int k = 0; k < N; k++) rows[k] = ring + (y + 1 + k) % N * size;
                for (int k = 0; k < MAPS; k++) {
                    filter_column<N, R>(rows, window, k * PITCH<N>, columns);
                    filter_row<N>(columns, window, STRIP, means + k * STRIP);
                }
                for (int s = 0; s < 2; s++)
                    information_row(means + s * STRIP, means + 2 * STRIP, means + (3 + s) * STRIP, means + 5 * STRIP,
                                    means + (6 + s) * STRIP, product + 2 * s * STRIP, product + (2 * s + 1) * STRIP);
            }
            take_logs(product, logs);
        }
        for (int k = 0; k < 4; k++) out[k] += sum(logs + k * STRIP, n);
    }
}

// x y, or x where y is null, filtered by the window: where it fits, or everywhere, with zeros beyond the border.
template <int N>
void windowed_strips(const double* x, const double* y, int64_t h, int64_t w, const double* window, int everywhere, double* out) {
    const int64_t frame = everywhere ? N / 2 : 0, width = w + 2 * frame - N + 1;
    Array<double> ring(N * PITCH<N>), columns(PITCH<N>), result(STRIP);
    for (int64_t from = 0; from < width; from += STRIP) {
        const int64_t n = from + STRIP < width ? STRIP : width - from;
        // Columns of the image under this strip, and where they lie in the ring.
        const int64_t first = from - frame > 0 ? from - frame : 0, shift = first - (from - frame);
        const int64_t last = from - frame + n + N - 1 < w ? from - frame + n + N - 1 : w;
        for (int64_t row = -frame; row < h + frame; row++) {
            double* __restrict to = ring + (row + frame) % N * PITCH<N>;
            for (int64_t k = 0; k < PITCH<N>; k++) to[k] = 0;
            if (row >= 0 && row < h) {
                const double* __restrict p = x + row * w + first;
                if (y) {
                    const double* __restrict q = y + row * w + first;
                    for (int64_t k = 0; k < last - first; k++) to[shift + k] = p[k] * q[k];
                } else {
                    for (int64_t k = 0; k < last - first; k++) to[shift + k] = p[k];
                }
            }
            const int64_t done = row + frame - (N - 1);
            if (done < 0) continue;
            const double* rows[N];
            for (int k = 0; k < N; k++) rows[k] = ring + (done + k) % N * PITCH<N>;
            filter_column<N, double>(rows, window, 0, columns);
            filter_row<N>(columns, window, STRIP, result);
            memcpy(out + done * width + from, result, n * sizeof(double));
        }
    }
}

// Every second row and column of x filtered by the window; out: ((h - N) / 2 + 1) x ((w - N) / 2 + 1).
template <int N, typename T>
void halve(const T* x, int64_t h, int64_t w, const double* window, double* out) {
    const int64_t width = (w - N) / 2 + 1;
    Array<double> column(w), full(w);
    for (int64_t y = 0; y + N <= h; y += 2) {
        const T* rows[N];
        for (int k = 0; k < N; k++) rows[k] = x + (y + k) * w;
        double* __restrict c = column;
        for (int64_t k = 0; k < w; k++) {
            double total = window[N / 2] * double(rows[N / 2][k]);
            for (int i = 0; i < N / 2; i++) total += window[i] * (double(rows[i][k]) + double(rows[N - 1 - i][k]));
            c[k] = total;
        }
        filter_row<N>(column, window, w - N + 1, full);
        for (int64_t k = 0; k < width; k++) out[y / 2 * width + k] = full[2 * k];
    }
}

}  // namespace

// Filter of size x size weights (3, 5, 7, 9, 11, 17 or 31; symmetric, the same along both axes); see windowed_strips.
EXPORT(void, windowed)(const double* x, const double* y, int64_t h, int64_t w, const double* window, int64_t size, int everywhere,
                       double* out) try {
    switch (size) {
        case 3: return windowed_strips<3>(x, y, h, w, window, everywhere, out);
        case 5: return windowed_strips<5>(x, y, h, w, window, everywhere, out);
        case 7: return windowed_strips<7>(x, y, h, w, window, everywhere, out);
        case 9: return windowed_strips<9>(x, y, h, w, window, everywhere, out);
        case 11: return windowed_strips<11>(x, y, h, w, window, everywhere, out);
        case 17: return windowed_strips<17>(x, y, h, w, window, everywhere, out);
        case 31: return windowed_strips<31>(x, y, h, w, window, everywhere, out);
        default: return;  // Library.WINDOW_SIZES are all
    }
}
OR_ELSE()

// The levels x (h x w) at the second to fourth scale of VIF, one after the other; windows: 9, 5, 3 weights.
EXPORT(void, vif_scales)(const uint8_t* x, int64_t h, int64_t w, const double* windows, double* out) try {
    halve<9, uint8_t>(x, h, w, windows, out);
    int64_t h2 = (h - 9) / 2 + 1, w2 = (w - 9) / 2 + 1;
    double* second = out + h2 * w2;
    halve<5, double>(out, h2, w2, windows + 9, second);
    int64_t h3 = (h2 - 5) / 2 + 1, w3 = (w2 - 5) / 2 + 1;
    halve<3, double>(second, h3, w3, windows + 14, second + h3 * w3);
}
OR_ELSE()

// VIF: out = information kept and there (log2), of source a, then b. f, a, b: levels (h x w); f2, a2, b2: their further
// scales from vif_scales; windows: 17, 9, 5, 3 weights.
EXPORT(void, vif)(const uint8_t* f, const uint8_t* a, const uint8_t* b, const double* f2, const double* a2, const double* b2,
                  int64_t h, int64_t w, const double* windows, double* out) try {
    for (int k = 0; k < 4; k++) out[k] = 0;
    vif_scale<17, uint8_t, float>(f, a, b, h, w, windows, out);
    h = (h - 9) / 2 + 1, w = (w - 9) / 2 + 1;
    vif_scale<9, double, double>(f2, a2, b2, h, w, windows + 17, out);
    f2 += h * w, a2 += h * w, b2 += h * w;
    h = (h - 5) / 2 + 1, w = (w - 5) / 2 + 1;
    vif_scale<5, double, double>(f2, a2, b2, h, w, windows + 26, out);
    f2 += h * w, a2 += h * w, b2 += h * w;
    h = (h - 3) / 2 + 1, w = (w - 3) / 2 + 1;
    vif_scale<3, double, double>(f2, a2, b2, h, w, windows + 31, out);
}
OR_ELSE()
