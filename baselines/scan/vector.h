// What the kernels share: vectors of V neighbouring channels, their elementary functions, one step of the scan and the
// convolution before it. Included by sources that are built once per instruction set (-DISA=name).
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define EXPORT(type, name) extern "C" __attribute__((visibility("default"))) type JOIN(name, ISA)

namespace {

typedef float vec __attribute__((vector_size(VECTOR_BYTES)));
typedef float vec_u __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(VECTOR_BYTES)));

constexpr int V = VECTOR_BYTES / 4;
constexpr int N = 16;      // states per channel
constexpr int BLOCK = 32;  // tokens between two saved states of the forward pass
constexpr int TAPS = 4;    // width of the convolution
constexpr float LOG2E = 1.4426950408889634f, LN2 = 0.6931471805599453f;

inline vec all(float x) { return vec{} + x; }

// The last channels need not fill a vector: FULL says whether this one is full, k how many lanes count.
template <bool FULL> inline vec load(const float* p, int k) {
  if (FULL) return *reinterpret_cast<const vec_u*>(p);
#if defined(__AVX512F__)
  return (vec)_mm512_maskz_loadu_ps(__mmask16((1u << k) - 1), p);
#else
  vec v{};
  std::memcpy(&v, p, 4 * k);
  return v;
#endif
}
template <bool FULL> inline void store(float* p, vec v, int k) {
  if (FULL) *reinterpret_cast<vec_u*>(p) = v;
#if defined(__AVX512F__)
  else _mm512_mask_storeu_ps(p, __mmask16((1u << k) - 1), (__m512)v);
#else
  else std::memcpy(p, &v, 4 * k);
#endif
}

// 2^x, relative error 1.2e-7: the nearest integer goes into the exponent, a polynomial (minimax on [-1/2, 1/2] with
// p(0) = 1, so that a state which should not decay does not drift) makes the fraction.
inline vec exp2_fraction(vec f) {
  vec p = all(1.33006053e-3f);
  p = p * f + 9.66969132e-3f;
  p = p * f + 5.55055849e-2f;
  p = p * f + 2.40222827e-1f;
  p = p * f + 6.93147182e-1f;
  return p * f + 1.0f;
}

#if defined(__AVX512F__)
inline vec exp2v(vec x) {
  __m512 whole = _mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return (vec)_mm512_scalef_ps((__m512)exp2_fraction(x - (vec)whole), whole);
}
#else
inline vec exp2v(vec x) {  // adding 1.5 * 2^23 rounds to an integer in the low bits
  x = x < all(-126.f) ? all(-126.f) : x;
  const vec magic = all(12582912.f);
  vec shifted = x + magic;
  vec p = exp2_fraction(x - (shifted - magic));
  return (vec)((ivec)p + ((ivec)shifted << 23));
}
#endif

inline vec expv(vec x) {
  x = x > all(87.f) ? all(87.f) : x;
  return exp2v(x * LOG2E);
}

// 1 / (1 + e^-x) to 2e-7. With AVX-512 a 14-bit reciprocal and one Newton step take the place of the division; the
// bound in expv keeps the argument finite, so that the step cannot meet 0 * infinity.
inline vec sigmoid(vec x) {
  vec denominator = 1.0f + expv(-x);
#if defined(__AVX512F__)
  vec r = (vec)_mm512_rcp14_ps((__m512)denominator);
  return r * (2.0f - denominator * r);
#else
  return 1.0f / denominator;
#endif
}

// log(1 + e) for 0 <= e <= 1, relative error 1.3e-7: e times a polynomial (minimax of log(1 + e) / e, 1 at zero).
inline vec log1pv(vec e) {
  vec p = all(5.364824552e-03f);
  p = p * e - 3.006579168e-02f;
  p = p * e + 7.920453697e-02f;
  p = p * e - 1.375380307e-01f;
  p = p * e + 1.915365458e-01f;
  p = p * e - 2.485716343e-01f;
  p = p * e + 3.332132399e-01f;
  p = p * e - 4.999964833e-01f;
  p = p * e + 1.0f;
  return e * p;
}

inline vec softplus(vec x) {
  vec positive = x > 0.f ? x : vec{};
  return positive + log1pv(expv(x > 0.f ? -x : x));
}

inline float sum(const vec& v) {
  typedef float quad __attribute__((vector_size(16), aligned(16), may_alias));
  const quad* q = reinterpret_cast<const quad*>(&v);
  quad s = q[0];
  for (int i = 1; i < V / 4; i++) s += q[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

inline vec silu(vec x) { return x * sigmoid(x); }

// The recurrence over `count` tokens for the states h of V channels. a2: A * log2(e); d: delta after softplus; du: d * u;
// b, c: the tokens' B and C, rows ldb and ldc apart. y holds D * u on entry and gains the sum over the states of c h.
inline void recur(vec* h, const vec* a2, const vec* d, const vec* du, const float* b, int64_t ldb, const float* c,
                  int64_t ldc, int64_t count, vec* y) {
  for (int64_t t = 0; t < count; t++, b += ldb, c += ldc) {
    vec y0 = y[t], y1{};
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) {
      h[n] = exp2v(d[t] * a2[n]) * h[n] + du[t] * b[n];
      if (n & 1) y1 += h[n] * c[n];
      else y0 += h[n] * c[n];
    }
    y[t] = y0 + y1;
  }
}

// Rows before the first token come from `state` (3, D), oldest first; null stands for zeros.
template <bool FULL>
inline vec row(const float* x, int64_t ldx, const float* state, int64_t D, int64_t l, int64_t g, int k) {
  if (l >= 0) return load<FULL>(x + l * ldx + g, k);
  return state ? load<FULL>(state + (l + TAPS - 1) * D + g, k) : vec{};
}

// SiLU of the causal depthwise convolution; w: (4, D). The state is read and replaced by the last three rows.
template <bool FULL>
void conv_forward(const float* x, int64_t ldx, const float* w, const float* bias, float* state, float* out, int64_t ldo,
                  int64_t L, int64_t D, int64_t g) {
  const int k = FULL ? V : int(D - g);
  const vec w0 = load<FULL>(w + g, k), w1 = load<FULL>(w + D + g, k), w2 = load<FULL>(w + 2 * D + g, k),
            w3 = load<FULL>(w + 3 * D + g, k), b = load<FULL>(bias + g, k);
  vec x0 = row<FULL>(x, ldx, state, D, -3, g, k), x1 = row<FULL>(x, ldx, state, D, -2, g, k),
      x2 = row<FULL>(x, ldx, state, D, -1, g, k);
  for (int64_t l = 0; l < L; l++) {
    vec x3 = load<FULL>(x + l * ldx + g, k);
    store<FULL>(out + l * ldo + g, silu(b + w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3), k);
    x0 = x1, x1 = x2, x2 = x3;
  }
  if (state) {
    store<FULL>(state + g, x0, k);
    store<FULL>(state + D + g, x1, k);
    store<FULL>(state + 2 * D + g, x2, k);
  }
}

inline void conv_forward_all(const float* x, int64_t ldx, const float* w, const float* bias, float* state, float* out,
                             int64_t ldo, int64_t L, int64_t D) {
  int64_t g = 0;
  for (; g + V <= D; g += V) conv_forward<true>(x, ldx, w, bias, state, out, ldo, L, D, g);
  if (g < D) conv_forward<false>(x, ldx, w, bias, state, out, ldo, L, D, g);
}

}  // namespace
