// Metric kernels with a plain C interface. Compiled once per instruction set; -DISA=<name> is appended to the exported names.
//
// Loops run over arrays of one row and are left to the compiler to vectorise. Sums are kept per column and added up at the
// end, in the same order for every instruction set. Only C headers are used: an inline function of the C++ library,
// compiled for a wide instruction set, could otherwise end up in the code for a narrow one.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef ISA
#define ISA base
#endif
#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define EXPORT(type, name) extern "C" __attribute__((visibility("default"))) type PASTE(name, ISA)

#define IS_base 1
#if PASTE(IS, ISA) == 1
#if defined(__x86_64__) || defined(__i386__)
#define RUNS(feature) __builtin_cpu_supports(feature)
#else
#define RUNS(feature) 0
#endif
// Whether this processor runs the code for an instruction set.
extern "C" __attribute__((visibility("default"))) int supported_base() { return 1; }
extern "C" __attribute__((visibility("default"))) int supported_avx2() { return RUNS("avx2") && RUNS("fma"); }
extern "C" __attribute__((visibility("default"))) int supported_avx512() {
    return RUNS("avx512f") && RUNS("avx512bw") && RUNS("avx512dq") && RUNS("avx512vl") && RUNS("avx2") && RUNS("fma");
}
#endif

namespace {

// Zeroed memory for `count` values, aligned to a cache line.
template <typename T> struct Array {
    T* p;
    explicit Array(size_t count) {
        size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
        p = static_cast<T*>(aligned_alloc(64, bytes ? bytes : 64));
        if (!p) abort();
        memset(p, 0, bytes);
    }
    ~Array() { free(p); }
    Array(const Array&) = delete;
    operator T*() const { return p; }
};

inline double bits_to_double(uint64_t b) {
    double x;
    memcpy(&x, &b, 8);
    return x;
}
inline uint64_t double_to_bits(double x) {
    uint64_t b;
    memcpy(&b, &x, 8);
    return b;
}

// exp(x) to 1e-15 relative for |x| < 700.
inline double fast_exp(double x) {
    const double shift = 6755399441055744.0;  // 1.5 * 2^52: its last bits hold the rounded integer
    double shifted = x * 1.4426950408889634 + shift;
    double k = shifted - shift;
    double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * bits_to_double((double_to_bits(shifted) << 52) + (uint64_t(1023) << 52));
}

// log2(x) to 1e-15 absolute plus relative, for normal x > 0.
inline double fast_log2(double x) {
    uint64_t b = double_to_bits(x);
    uint64_t offset = b - 0x3fe6a09e667f3bcdull;  // sqrt(1/2): the fraction comes to lie around 1
    uint64_t biased = (offset >> 52) + (offset >> 63 ? 0xfffffffffffff000ull : 0);
    double e = bits_to_double((biased + 0x800) | 0x4330000000000000ull) - (4503599627370496.0 + 2048.0);
    double m = bits_to_double(b - (biased << 52));
    double t = (m - 1) / (m + 1), z = t * t;
    double p = 2.0 / 21;
    p = p * z + 2.0 / 19;
    p = p * z + 2.0 / 17;
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    p = p * z + 2.0;
    return e + p * t * 1.4426950408889634;
}

// atan(t) for 0 <= t <= 1, to 1e-15: Chebyshev interpolation of atan(sqrt z) / sqrt z.
inline double fast_atan(double t) {
    double z = t * t;
    double p = -4.57234758262833e-05;
    p = p * z + 0.0004611368607988374;
    p = p * z - 0.0021983499375184895;
    p = p * z + 0.006642520750675531;
    p = p * z - 0.014458648873136958;
    p = p * z + 0.02458897579764299;
    p = p * z - 0.0348743384516739;
    p = p * z + 0.0437717909446336;
    p = p * z - 0.051278235314285915;
    p = p * z + 0.05845585613916931;
    p = p * z - 0.06659119341318959;
    p = p * z + 0.07691169940631104;
    p = p * z - 0.09090787948846236;
    p = p * z + 0.11111102497473337;
    p = p * z - 0.14285713910304096;
    p = p * z + 0.199999999913151;
    p = p * z - 0.33333333333253234;
    p = p * z + 0.9999999999999988;
    return p * t;
}

const double HALF_PI = 1.5707963267948966;

double sum(const double* v, int64_t n) {
    double total = 0;
    for (int64_t x = 0; x < n; x++) total += v[x];
    return total;
}

// ---- metrics of gradients: Qabf, Nabf and Labf, Qg ----

enum Border { ZEROS, MIRROR };

// Row y of an image with one more value on either side, y from -1 to h.
void framed_row(const uint8_t* image, int64_t y, int64_t h, int64_t w, Border border, double* __restrict out) {
    if (border == MIRROR) y = y < 0 ? 1 : y == h ? h - 2 : y;
    const bool inside = y >= 0 && y < h;
    const uint8_t* from = image + (inside ? y * w : 0);
    for (int64_t x = 0; x < w; x++) out[x + 1] = inside ? from[x] : 0;
    out[0] = border == MIRROR ? out[2] : 0;
    out[w + 1] = border == MIRROR ? out[w - 1] : 0;
}

// Sobel: right minus left column, lower minus upper row.
struct Gradient {
    Array<double> smooth, step, sx, sy, strength, orientation;
    explicit Gradient(int64_t w) : smooth(w + 2), step(w + 2), sx(w), sy(w), strength(w), orientation(w) {}
    void of(const double* __restrict up, const double* __restrict mid, const double* __restrict down, int64_t w) {
        double *__restrict m = smooth, *__restrict d = step, *__restrict x_step = sx, *__restrict y_step = sy;
        for (int64_t x = 0; x < w + 2; x++) {
            m[x] = up[x] + 2 * mid[x] + down[x];
            d[x] = down[x] - up[x];
        }
        for (int64_t x = 0; x < w; x++) {
            x_step[x] = m[x + 2] - m[x];
            y_step[x] = d[x] + 2 * d[x + 1] + d[x + 2];
        }
    }
};

// Calls row(gradients of f, a, b) for every row of the images.
template <typename Row>
void over_rows(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, Border border, Row row) {
    const uint8_t* images[3] = {f, a, b};
    const int64_t pitch = w + 2;
    Array<double> rings(9 * pitch);
    Gradient gradients[3] = {Gradient(w), Gradient(w), Gradient(w)};
    for (int64_t y = -1; y <= h; y++) {
        for (int k = 0; k < 3; k++) {
            double* ring = rings + 3 * k * pitch;
            framed_row(images[k], y, h, w, border, ring + (y + 1) % 3 * pitch);
            if (y > 0) gradients[k].of(ring + (y + 2) % 3 * pitch, ring + y % 3 * pitch, ring + (y + 1) % 3 * pitch, w);
        }
        if (y > 0) row(gradients[0], gradients[1], gradients[2]);
    }
}

// atan(|v| / |u|), pi/2 where u is 0 and v is not, 0 where both are.
inline double steepness(double u, double v) {
    double p = fabs(u), q = fabs(v);
    double high = q > p ? q : p, low = q > p ? p : q;
    double r = fast_atan(low / (high > 0 ? high : 1.0));
    return q > p ? HALF_PI - r : r;
}

inline double smaller_to_larger(double p, double q) {
    double high = p > q ? p : q, low = p > q ? q : p;
    return low / (high > 0 ? high : 1.0);
}

// atan(Sy / Sx) with Sx left minus right, pi/2 where Sx is 0.
void qabf_edges(const Gradient& g, int64_t w) {
    const double *__restrict sx = g.sx, *__restrict sy = g.sy;
    double *__restrict strength = g.strength, *__restrict orientation = g.orientation;
    for (int64_t x = 0; x < w; x++) {
        strength[x] = sqrt(sx[x] * sx[x] + sy[x] * sy[x]);
        double r = steepness(sx[x], sy[x]);
        r = sx[x] * sy[x] > 0 ? -r : r;
        orientation[x] = sx[x] == 0 ? HALF_PI : r;
    }
}

void qabf_row(const Gradient& f, const Gradient& s, int64_t w, int equal_is_one, double* __restrict kept, double* __restrict weight) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_s = s.strength, *__restrict a_s = s.orientation;
    const double one = equal_is_one ? 1.0 : 0.0, raw = 1.0 - one;
    for (int64_t x = 0; x < w; x++) {
        double ratio = g_s[x] == g_f[x] ? one + raw * g_f[x] : smaller_to_larger(g_s[x], g_f[x]);
        double d = -15 * ratio + 7.5;
        d = d > -40.0 ? d : -40.0;
        double e = fabs(a_s[x] - a_f[x]) * (22 / HALF_PI) - 4.4;
        kept[x] += g_s[x] / ((1 + fast_exp(d)) * (1 + fast_exp(e)));
        weight[x] += g_s[x];
    }
}

// Sobel / 8; atan(Sx / Sy), 0 where both are 0.
void nabf_edges(const Gradient& g, int64_t w) {
    const double *__restrict sx = g.sx, *__restrict sy = g.sy;
    double *__restrict strength = g.strength, *__restrict orientation = g.orientation;
    for (int64_t x = 0; x < w; x++) {
        double u = sx[x] / 8, v = sy[x] / 8;
        strength[x] = sqrt(u * u + v * v);
        double r = steepness(v, u);
        double sign = v == 0 ? u : u * v;
        orientation[x] = sign < 0 ? -r : r;
    }
}

// (1 - Q_SF) w_S and w_S.
inline void nabf_pixel(double g_f, double a_f, double g_s, double a_s, double faint, double& missing, double& weight) {
    double angle = fabs(fabs(a_s - a_f) - HALF_PI) / HALF_PI;
    double q_g = 0.9999 / (1 + fast_exp(-19 * (smaller_to_larger(g_f, g_s) - 0.5)));
    double q_a = 0.9995 / (1 + fast_exp(-22 * (angle - 0.5)));
    double strong = g_s * sqrt(g_s);
    weight = g_s >= 2 ? strong : faint;
    missing = (1 - sqrt(q_g * q_a)) * weight;
}

void nabf_row(const Gradient& f, const Gradient& a, const Gradient& b, int64_t w, double faint, double* __restrict loss,
              double* __restrict artefacts, double* __restrict total) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_a = a.strength, *__restrict a_a = a.orientation;
    const double *__restrict g_b = b.strength, *__restrict a_b = b.orientation;
    for (int64_t x = 0; x < w; x++) {
        double missing_a, missing_b, weight_a, weight_b;
        nabf_pixel(g_f[x], a_f[x], g_a[x], a_a[x], faint, missing_a, weight_a);
        nabf_pixel(g_f[x], a_f[x], g_b[x], a_b[x], faint, missing_b, weight_b);
        double missing = missing_a + missing_b, added = g_f[x] > g_a[x] ? 1.0 : 0.0;
        added = g_f[x] > g_b[x] ? added : 0.0;
        artefacts[x] += added * missing;
        loss[x] += (1 - added) * missing;
        total[x] += weight_a + weight_b;
    }
}

// atan(Sy / Sx), Sx being 1e-5 where it vanishes; so is the strength.
void qg_edges(const Gradient& g, int64_t w) {
    const double *__restrict sx = g.sx, *__restrict sy = g.sy;
    double *__restrict strength = g.strength, *__restrict orientation = g.orientation;
    for (int64_t x = 0; x < w; x++) {
        double u = sx[x] == 0 ? 1e-5 : sx[x], size = sqrt(sx[x] * sx[x] + sy[x] * sy[x]);
        strength[x] = size == 0 ? 1e-5 : size;
        double r = steepness(u, sy[x]);
        orientation[x] = u * sy[x] < 0 ? -r : r;
    }
}

inline double qg_pixel(double g_f, double a_f, double g_s, double a_s) {
    double angle = fabs(fabs(a_s - a_f) - HALF_PI) / HALF_PI;
    return g_s / ((1 + fast_exp(-10 * (smaller_to_larger(g_f, g_s) - 0.5))) * (1 + fast_exp(-20 * (angle - 0.75))));
}

void qg_row(const Gradient& f, const Gradient& a, const Gradient& b, int64_t w, double* __restrict total) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_a = a.strength, *__restrict a_a = a.orientation;
    const double *__restrict g_b = b.strength, *__restrict a_b = b.orientation;
    for (int64_t x = 0; x < w; x++) {
        double kept = qg_pixel(g_f[x], a_f[x], g_a[x], a_a[x]) + qg_pixel(g_f[x], a_f[x], g_b[x], a_b[x]);
        total[x] += kept / (g_a[x] + g_b[x]);
    }
}

}  // namespace

// out = sum of the weighted preservations, sum of the weights. f, a, b: levels, h x w.
EXPORT(void, qabf)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, int equal_is_one, double* out) {
    Array<double> kept(w), weight(w);
    over_rows(f, a, b, h, w, ZEROS, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qabf_edges(f, w), qabf_edges(a, w), qabf_edges(b, w);
        qabf_row(f, a, w, equal_is_one, kept, weight);
        qabf_row(f, b, w, equal_is_one, kept, weight);
    });
    out[0] = 0.9994 * 0.9879 * sum(kept, w);
    out[1] = sum(weight, w);
}

// out = sums of what is lost, of what is added, and of the weights. h, w >= 2; faint: the weight below the threshold.
EXPORT(void, nabf)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double faint, double* out) {
    Array<double> loss(w), artefacts(w), total(w);
    over_rows(f, a, b, h, w, MIRROR, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        nabf_edges(f, w), nabf_edges(a, w), nabf_edges(b, w);
        nabf_row(f, a, b, w, faint, loss, artefacts, total);
    });
    out[0] = sum(loss, w);
    out[1] = sum(artefacts, w);
    out[2] = sum(total, w);
}

EXPORT(double, qg)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w) {
    Array<double> total(w);
    over_rows(f, a, b, h, w, ZEROS, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qg_edges(f, w), qg_edges(a, w), qg_edges(b, w);
        qg_row(f, a, b, w, total);
    });
    return sum(total, w) / double(h * w);
}

// ---- histograms and sums ----

// counts (65536, zeroed here): number of pixels with level i in x and j in y at 256 i + j.
EXPORT(void, joint_histogram)(const uint8_t* x, const uint8_t* y, int64_t n, int32_t* counts) {
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

// ---- SSIM in 7x7 boxes ----

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
EXPORT(double, ssim_boxes)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double peak) {
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

// ---- VIF ----

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
                       double* out) {
    switch (size) {
        case 3: return windowed_strips<3>(x, y, h, w, window, everywhere, out);
        case 5: return windowed_strips<5>(x, y, h, w, window, everywhere, out);
        case 7: return windowed_strips<7>(x, y, h, w, window, everywhere, out);
        case 9: return windowed_strips<9>(x, y, h, w, window, everywhere, out);
        case 11: return windowed_strips<11>(x, y, h, w, window, everywhere, out);
        case 17: return windowed_strips<17>(x, y, h, w, window, everywhere, out);
        case 31: return windowed_strips<31>(x, y, h, w, window, everywhere, out);
        default: abort();
    }
}

// The levels x (h x w) at the second to fourth scale of VIF, one after the other; windows: 9, 5, 3 weights.
EXPORT(void, vif_scales)(const uint8_t* x, int64_t h, int64_t w, const double* windows, double* out) {
    halve<9, uint8_t>(x, h, w, windows, out);
    int64_t h2 = (h - 9) / 2 + 1, w2 = (w - 9) / 2 + 1;
    double* second = out + h2 * w2;
    halve<5, double>(out, h2, w2, windows + 9, second);
    int64_t h3 = (h2 - 5) / 2 + 1, w3 = (w2 - 5) / 2 + 1;
    halve<3, double>(second, h3, w3, windows + 14, second + h3 * w3);
}

// VIF: out = information kept and there (log2), of source a, then b. f, a, b: levels (h x w); f2, a2, b2: their further
// scales from vif_scales; windows: 17, 9, 5, 3 weights.
EXPORT(void, vif)(const uint8_t* f, const uint8_t* a, const uint8_t* b, const double* f2, const double* a2, const double* b2,
                  int64_t h, int64_t w, const double* windows, double* out) {
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

// ---- FMI ----

namespace {

const int TOGETHER = 32, CELLS = 9;  // windows that are computed side by side; pixels of one
typedef double Side[TOGETHER];

#define EACH for (int l = 0; l < TOGETHER; l++)

// Windows to distributions: scaled to 0..1 (1 where they vary by no more than noise) and divided by their sum.
void densities(const Side* __restrict v, double noise, Side* __restrict p, double* __restrict flat) {
    Side low, high, total;
    EACH low[l] = high[l] = v[0][l], total[l] = 0;
    for (int k = 1; k < CELLS; k++) EACH {
            low[l] = v[k][l] < low[l] ? v[k][l] : low[l];
            high[l] = v[k][l] > high[l] ? v[k][l] : high[l];
        }
    EACH {
        double range = high[l] - low[l];
        flat[l] = range <= noise ? 1.0 : 0.0;
        high[l] = 1 / (range <= noise ? 1.0 : range);
    }
    for (int k = 0; k < CELLS; k++) EACH {
            p[k][l] = flat[l] > 0 ? 1.0 : (v[k][l] - low[l]) * high[l];
            total[l] += p[k][l];
        }
    EACH total[l] = 1 / total[l];
    for (int k = 0; k < CELLS; k++) EACH p[k][l] *= total[l];
}

// Adds to entropy (bits) that of p.
inline void add_entropy(const double* __restrict p, double* __restrict entropy) {
    EACH {
        double size = fabs(p[l]);
        bool some = size > 1e-300;
        double bits = fast_log2(some ? size : 1.0);
        entropy[l] -= p[l] * bits;
    }
}

// Standard deviation of the index under p, squared.
void index_variance(const Side* __restrict p, double* __restrict variance) {
    Side mean;
    EACH mean[l] = variance[l] = 0;
    for (int k = 0; k < CELLS; k++) EACH mean[l] += (k + 1) * p[k][l];
    for (int k = 0; k < CELLS; k++) EACH variance[l] += p[k][l] * (k + 1 - mean[l]) * (k + 1 - mean[l]);
}

// 2 I / (H + H) of each pair of windows; 1 for windows that are equal or both flat.
void window_information(const Side* v_f, const Side* v_s, double noise, double* __restrict value) {
    Side p[CELLS], q[CELLS], flat_p, flat_q, correlation, single, shared, phi, a, b;
    Side bound[CELLS + 1][CELLS + 1];
    densities(v_f, noise, p, flat_p);
    densities(v_s, noise, q, flat_q);
    EACH correlation[l] = a[l] = b[l] = single[l] = shared[l] = 0;
    for (int k = 0; k < CELLS; k++) {
        EACH {
            double d = p[k][l] - 1.0 / CELLS, e = q[k][l] - 1.0 / CELLS;
            correlation[l] += d * e, a[l] += d * d, b[l] += e * e;
        }
        add_entropy(p[k], single);
        add_entropy(q[k], single);
    }
    EACH {
        bool none = flat_p[l] + flat_q[l] > 0 || correlation[l] == 0;
        correlation[l] = none ? 0.0 : correlation[l] / sqrt(none ? 1.0 : a[l] * b[l]);
    }
    index_variance(p, a);
    index_variance(q, b);
    // Cumulative distributions and the bound of the joint one.
    Side below_p, below_q, largest;
    EACH below_p[l] = largest[l] = 0;
    for (int i = 0; i <= CELLS; i++) EACH bound[i][0][l] = bound[0][i][l] = 0;
    for (int i = 0; i < CELLS; i++) {
        EACH below_p[l] += p[i][l], below_q[l] = 0;
        for (int j = 0; j < CELLS; j++) EACH {
                below_q[l] += q[j][l];
                double upper = below_p[l] < below_q[l] ? below_p[l] : below_q[l];
                double lower = below_p[l] + below_q[l] - 1;
                lower = lower > 0 ? lower : 0.0;
                double chosen = correlation[l] >= 0 ? upper : lower;
                bound[i + 1][j + 1][l] = chosen;
                largest[l] += chosen - below_p[l] * below_q[l];
            }
    }
    EACH {
        double spread = sqrt(a[l] * b[l]);
        bool usable = correlation[l] != 0 && spread != 0 && largest[l] != 0;
        phi[l] = usable ? correlation[l] * spread / (usable ? largest[l] : 1.0) : 0.0;
    }
    for (int i = 0; i < CELLS; i++)
        for (int j = 0; j < CELLS; j++) {
            Side joint;
            EACH {
                double step = (bound[i + 1][j + 1][l] - bound[i][j + 1][l]) - (bound[i + 1][j][l] - bound[i][j][l]);
                joint[l] = phi[l] * step + (1 - phi[l]) * p[i][l] * q[j][l];
            }
            add_entropy(joint, shared);
        }
    EACH {
        double some = single[l] > 0 ? single[l] : 1.0;
        value[l] = single[l] > 0 ? 2 * (single[l] - shared[l]) / some : 0.0;
        value[l] = flat_p[l] + flat_q[l] > 1 ? 1.0 : value[l];
    }
    EACH a[l] = 0;
    for (int k = 0; k < CELLS; k++) EACH {
            double d = fabs(v_f[k][l] - v_s[k][l]);
            a[l] = d > a[l] ? d : a[l];
        }
    EACH value[l] = a[l] <= noise ? 1.0 : value[l];
}

}  // namespace

// Mean information over all 3x3 windows of two feature maps (h x w, both at least 3).
EXPORT(double, fmi)(const double* f, const double* s, int64_t h, int64_t w, double noise) {
    Side v_f[CELLS] = {}, v_s[CELLS] = {}, value, total = {};
    for (int64_t y = 0; y + 2 < h; y++)
        for (int64_t x = 0; x + 2 < w; x += TOGETHER) {
            const int n = int(x + TOGETHER < w - 2 ? TOGETHER : w - 2 - x);
            for (int j = 0; j < 3; j++)
                for (int i = 0; i < 3; i++) {
                    memcpy(v_f[3 * j + i], f + (y + i) * w + x + j, n * sizeof(double));
                    memcpy(v_s[3 * j + i], s + (y + i) * w + x + j, n * sizeof(double));
                }
            window_information(v_f, v_s, noise, value);
            for (int l = 0; l < n; l++) total[l] += value[l];
        }
    return sum(total, TOGETHER) / double((h - 2) * (w - 2));
}

// ---- phase congruency (Qp) ----

// out = x p q, x and out complex, p and q real; n values.
EXPORT(void, weigh)(const double* x, const double* p, const double* q, int64_t n, double* out) {
    for (int64_t k = 0; k < n; k++) {
        double weight = p[k] * q[k];
        out[2 * k] = x[2 * k] * weight;
        out[2 * k + 1] = x[2 * k + 1] * weight;
    }
}

// Adds one orientation to five maps of n pixels. r1 .. r4: responses of the four scales, even and odd part of each pixel.
EXPORT(void, phase_congruency)(const double* r1, const double* r2, const double* r3, const double* r4, int64_t n, double angle,
                               double noise, double* energy, double* amplitude, double* xx, double* yy, double* xy) {
    const int block = 64;
    const double* scales[4] = {r1, r2, r3, r4};
    const double eps = 1e-4, c = cos(angle), s = sin(angle);
    double even[4][block] = {}, odd[4][block] = {};
    double kept[block], total[block], congruency[block];
    for (int64_t from = 0; from < n; from += block) {
        const int m = int(from + block < n ? block : n - from);
        for (int k = 0; k < 4; k++) {
            const double* r = scales[k] + 2 * from;
            for (int x = 0; x < m; x++) even[k][x] = r[2 * x], odd[k][x] = r[2 * x + 1];
        }
        for (int x = 0; x < block; x++) {
            double sum_even = 0, sum_odd = 0, most = 0;
            total[x] = 0;
            for (int k = 0; k < 4; k++) {
                double size = sqrt(even[k][x] * even[k][x] + odd[k][x] * odd[k][x]);
                total[x] += size;
                most = size > most ? size : most;
                sum_even += even[k][x];
                sum_odd += odd[k][x];
            }
            double norm = 1 / (sqrt(sum_even * sum_even + sum_odd * sum_odd) + eps);
            double mean_even = sum_even * norm, mean_odd = sum_odd * norm;
            double e = -noise;
            for (int k = 0; k < 4; k++)
                e += even[k][x] * mean_even + odd[k][x] * mean_odd - fabs(even[k][x] * mean_odd - odd[k][x] * mean_even);
            e = e > 0 ? e : 0.0;
            double width = total[x] / (most + eps) / 4;
            e /= 1 + fast_exp(10 * (0.5 - width));
            kept[x] = e;
            double ratio = e / (total[x] > 0 ? total[x] : 1.0);
            congruency[x] = ratio * ratio;
        }
        for (int x = 0; x < m; x++) {
            energy[from + x] += kept[x];
            amplitude[from + x] += total[x];
            xx[from + x] += congruency[x] * (c * c);
            yy[from + x] += congruency[x] * (s * s);
            xy[from + x] += congruency[x] * (c * s);
        }
    }
}
