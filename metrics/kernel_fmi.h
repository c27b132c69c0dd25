// FMI: information in 3x3 windows.

#pragma once

#include "kernel_common.h"

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
EXPORT(double, fmi)(const double* f, const double* s, int64_t h, int64_t w, double noise) try {
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
OR_ELSE(0)
