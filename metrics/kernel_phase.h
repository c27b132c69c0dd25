// Phase congruency, for Qp.

#pragma once

#include "kernel_common.h"

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
