// What all kernels use: export names, memory, elementary functions.

#pragma once

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

// After the body, `try { ... }`, of a kernel that takes memory: where there is none, its result is `value`, and
// `short_of_memory` says so. No exception may leave a function with a plain C interface.
#define OR_ELSE(value)         \
    catch (const NoMemory&) {  \
        lacking = 1;           \
        return value;          \
    }

namespace {

struct NoMemory {};
thread_local int lacking = 0;

// Zeroed memory for `count` values, aligned to a cache line. Throws NoMemory.
template <typename T> struct Array {
    T* p;
    explicit Array(size_t count) {
        if (count > SIZE_MAX / 2 / sizeof(T)) throw NoMemory();
        size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
        p = static_cast<T*>(aligned_alloc(64, bytes ? bytes : 64));
        if (!p) throw NoMemory();
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

}  // namespace

// Whether a kernel called by this thread found no memory since the last time that this was asked.
EXPORT(int, short_of_memory)() {
    int was = lacking;
    lacking = 0;
    return was;
}
