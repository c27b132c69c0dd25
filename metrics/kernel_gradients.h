// Metrics of gradients: Qabf, Nabf and Labf, Qg.

#pragma once

#include "kernel_common.h"

namespace {

// NONE: only rows with a neighbour on either side are visited, and the first and last value of each mean nothing.
enum Border { ZEROS, MIRROR, NONE };

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

// Calls row(gradients of f, a, b) for every row of the images, but for the first and last one without a border.
template <typename Row>
void over_rows(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, Border border, Row row) {
    const uint8_t* images[3] = {f, a, b};
    const int64_t pitch = w + 2;
    Array<double> rings(9 * pitch);
    Gradient gradients[3] = {Gradient(w), Gradient(w), Gradient(w)};
    const int64_t first = border == NONE ? 1 : 0, last = h - 1 - first;
    for (int64_t y = -1; y <= last + 1; y++) {
        for (int k = 0; k < 3; k++) {
            double* ring = rings + 3 * k * pitch;
            framed_row(images[k], y, h, w, border, ring + (y + 1) % 3 * pitch);
            if (y > first) gradients[k].of(ring + (y + 2) % 3 * pitch, ring + y % 3 * pitch, ring + (y + 1) % 3 * pitch, w);
        }
        if (y > first) row(gradients[0], gradients[1], gradients[2]);
    }
}

// atan(|v| / |u|), pi/2 where u is 0 and v is not, 0 where both are.
inline double steepness(double u, double v) {
    double p = fabs(u), q = fabs(v);
    double high = q > p ? q : p, low = q > p ? p : q;
    double r = fast_atan(low / (high > 0 ? high : 1.0));
    return q > p ? HALF_PI - r : r;
}

// 1 where two edges run the same way, 0 where they are at right angles or only one of them is there. f, s: strength and
// orientation; orientations that differ by pi are the same.
inline double agreement(double g_f, double a_f, double g_s, double a_s) {
    double same_way = fabs(fabs(a_s - a_f) - HALF_PI) / HALF_PI;
    return (g_f == 0) == (g_s == 0) ? same_way : 0.0;
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

// As the field computes it: the ratio of equal strengths is the strength, orientations that differ by pi are far apart.
void framed_qabf_row(const Gradient& f, const Gradient& s, int64_t w, double* __restrict kept, double* __restrict weight) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_s = s.strength, *__restrict a_s = s.orientation;
    for (int64_t x = 0; x < w; x++) {
        double ratio = g_s[x] == g_f[x] ? g_f[x] : smaller_to_larger(g_s[x], g_f[x]);
        double d = -15 * ratio + 7.5;
        d = d > -40.0 ? d : -40.0;
        double e = fabs(a_s[x] - a_f[x]) * (22 / HALF_PI) - 4.4;
        kept[x] += g_s[x] / ((1 + fast_exp(d)) * (1 + fast_exp(e)));
        weight[x] += g_s[x];
    }
}

void qabf_row(const Gradient& f, const Gradient& s, int64_t w, double* __restrict kept, double* __restrict weight) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_s = s.strength, *__restrict a_s = s.orientation;
    for (int64_t x = 0; x < w; x++) {
        double d = -15 * (smaller_to_larger(g_s[x], g_f[x]) - 0.5);
        double e = -22 * (agreement(g_f[x], a_f[x], g_s[x], a_s[x]) - 0.8);
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

inline double framed_qg_pixel(double g_f, double a_f, double g_s, double a_s) {
    double angle = fabs(fabs(a_s - a_f) - HALF_PI) / HALF_PI;
    return g_s / ((1 + fast_exp(-10 * (smaller_to_larger(g_f, g_s) - 0.5))) * (1 + fast_exp(-20 * (angle - 0.75))));
}

void framed_qg_row(const Gradient& f, const Gradient& a, const Gradient& b, int64_t w, double* __restrict total) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_a = a.strength, *__restrict a_a = a.orientation;
    const double *__restrict g_b = b.strength, *__restrict a_b = b.orientation;
    for (int64_t x = 0; x < w; x++) {
        double kept = framed_qg_pixel(g_f[x], a_f[x], g_a[x], a_a[x]) + framed_qg_pixel(g_f[x], a_f[x], g_b[x], a_b[x]);
        total[x] += kept / (g_a[x] + g_b[x]);
    }
}

const double ALMOST = 1e-5;

// Strengths that vanish weigh ALMOST.
inline double qg_pixel(double g_f, double a_f, double g_s, double a_s, double& weight) {
    double ratio = g_f == g_s ? 1.0 : smaller_to_larger(g_f, g_s);
    double angle = agreement(g_f, a_f, g_s, a_s);
    weight = g_s == 0 ? ALMOST : g_s;
    return weight / ((1 + fast_exp(-10 * (ratio - 0.5))) * (1 + fast_exp(-20 * (angle - 0.75))));
}

void qg_row(const Gradient& f, const Gradient& a, const Gradient& b, int64_t w, double* __restrict total) {
    const double *__restrict g_f = f.strength, *__restrict a_f = f.orientation;
    const double *__restrict g_a = a.strength, *__restrict a_a = a.orientation;
    const double *__restrict g_b = b.strength, *__restrict a_b = b.orientation;
    for (int64_t x = 0; x < w; x++) {
        double weight_a, weight_b;
        double kept = qg_pixel(g_f[x], a_f[x], g_a[x], a_a[x], weight_a);
        kept += qg_pixel(g_f[x], a_f[x], g_b[x], a_b[x], weight_b);
        total[x] += kept / (weight_a + weight_b);
    }
}

}  // namespace

// out = sum of the weighted preservations, sum of the weights. f, a, b: levels, h x w.
EXPORT(void, qabf_framed)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double* out) try {
    Array<double> kept(w), weight(w);
    over_rows(f, a, b, h, w, ZEROS, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qabf_edges(f, w), qabf_edges(a, w), qabf_edges(b, w);
        framed_qabf_row(f, a, w, kept, weight);
        framed_qabf_row(f, b, w, kept, weight);
    });
    out[0] = 0.9994 * 0.9879 * sum(kept, w);
    out[1] = sum(weight, w);
}
OR_ELSE()

// As qabf_framed, by `agreement` and over the pixels whose neighbours are all in the image. h, w >= 3.
EXPORT(void, qabf)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double* out) try {
    Array<double> kept(w), weight(w);
    over_rows(f, a, b, h, w, NONE, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qabf_edges(f, w), qabf_edges(a, w), qabf_edges(b, w);
        qabf_row(f, a, w, kept, weight);
        qabf_row(f, b, w, kept, weight);
    });
    out[0] = 0.9994 * 0.9879 * sum(kept + 1, w - 2);
    out[1] = sum(weight + 1, w - 2);
}
OR_ELSE()

// out = sums of what is lost, of what is added, and of the weights. h, w >= 2; faint: the weight below the threshold.
EXPORT(void, nabf)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w, double faint, double* out) try {
    Array<double> loss(w), artefacts(w), total(w);
    over_rows(f, a, b, h, w, MIRROR, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        nabf_edges(f, w), nabf_edges(a, w), nabf_edges(b, w);
        nabf_row(f, a, b, w, faint, loss, artefacts, total);
    });
    out[0] = sum(loss, w);
    out[1] = sum(artefacts, w);
    out[2] = sum(total, w);
}
OR_ELSE()

EXPORT(double, qg_framed)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w) try {
    Array<double> total(w);
    over_rows(f, a, b, h, w, ZEROS, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qg_edges(f, w), qg_edges(a, w), qg_edges(b, w);
        framed_qg_row(f, a, b, w, total);
    });
    return sum(total, w) / double(h * w);
}
OR_ELSE(0)

// Mean over the pixels whose neighbours are all in the image. h, w >= 3.
EXPORT(double, qg)(const uint8_t* f, const uint8_t* a, const uint8_t* b, int64_t h, int64_t w) try {
    Array<double> total(w);
    over_rows(f, a, b, h, w, NONE, [&](const Gradient& f, const Gradient& a, const Gradient& b) {
        qabf_edges(f, w), qabf_edges(a, w), qabf_edges(b, w);
        qg_row(f, a, b, w, total);
    });
    return sum(total + 1, w - 2) / double((h - 2) * (w - 2));
}
OR_ELSE(0)
