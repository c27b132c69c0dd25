// Whole Mamba blocks for inference: residual, layer norm, projections, convolution, scan, gate, in chunks of tokens
// that stay in the second-level cache; convolution and scan carry their state from chunk to chunk.
#include <cmath>
#include <new>

#include "vector.h"

namespace {

constexpr int64_t CHUNK = 64;
#if defined(__AVX512F__)
constexpr int ROWS = 8;  // of the register tile of a matrix product; with 3 vectors of columns it fills the registers
#else
constexpr int ROWS = 4;
#endif

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

#if defined(__AVX512F__) && (__GNUC__ >= 10 || __clang_major__ >= 9)
#define HAS_DPBF16 1
// Chosen at run time, so that the rest of this build needs no more than its instruction set says.
#define TARGET_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
inline bool has_dpbf16() { return __builtin_cpu_supports("avx512bf16"); }
#else
#define HAS_DPBF16 0
inline bool has_dpbf16() { return false; }
#endif

struct Buffer {
  explicit Buffer(int64_t n) : p(new(std::align_val_t(64)) float[n]()) {}
  ~Buffer() { operator delete[](p, std::align_val_t(64)); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* const p;
};

// The nearest bfloat16, ties to even, in the upper half of 32 bits; the lower half is zero.
inline uint32_t bf16_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
}
inline float bf16(float x) {
  const uint32_t bits = bf16_bits(x);
  std::memcpy(&x, &bits, 4);
  return x;
}

// A linear layer's weight (outputs, inputs), packed for `times`: groups of P vectors of outputs, in each the inputs in
// order. P is what wastes least of the padding.
//
// FLOAT32 computes in float32. BF16 rounds both operands to bfloat16 and adds up in float32: where the processor has
// vdpbf16ps, two inputs at a time, side by side in 32 bits (PAIRS); elsewhere as rounded float32 numbers, to the same
// result but for the order of the sums.
enum class Precision { FLOAT32, BF16, PAIRS };

class Packed {
 public:
  Packed(const float* weight, int64_t outputs, int64_t inputs, Precision precision)
      : precision_(precision), inputs_(precision == Precision::PAIRS ? (inputs + 1) / 2 : inputs), columns_(inputs),
        vectors_(round_up(outputs, V) / V), group_(vectors_ % 3 == 0 ? 3 : 2),
        groups_((vectors_ + group_ - 1) / group_), data_(groups_ * group_ * V * inputs_),
        rounded_(precision == Precision::FLOAT32 ? 0 : CHUNK * inputs_) {
    const int64_t width = group_ * V;
    for (int64_t o = 0; o < outputs; o++)
      for (int64_t i = 0; i < inputs; i++) {
        const int64_t row = precision == Precision::PAIRS ? i / 2 : i;
        float* to = data_.p + ((o / width) * inputs_ + row) * width + o % width;
        const float w = weight[o * inputs + i];
        if (precision == Precision::PAIRS) put(to, w, i);
        else *to = precision == Precision::BF16 ? bf16(w) : w;
      }
  }

  int64_t width() const { return groups_ * group_ * V; }  // columns that `times` writes

  // c (rows, width()) = a (rows, inputs) times the transposed weight; at most CHUNK rows.
  void times(const float* a, int64_t lda, int64_t rows, float* c, int64_t ldc) {
    if (precision_ != Precision::FLOAT32) {
      round(a, lda, rows);
      a = rounded_.p, lda = inputs_;
    }
    for (int64_t g = 0; g < groups_; g++) {
      const float* b = data_.p + g * inputs_ * group_ * V;
      float* column = c + g * group_ * V;
      if (group_ == 3) rows_times<3>(a, lda, rows, b, column, ldc);
      else rows_times<2>(a, lda, rows, b, column, ldc);
    }
  }

 private:
  static void put(float* to, float x, int64_t i) {  // input i's half of a pair
    const uint16_t half = uint16_t(bf16_bits(x) >> 16);
    std::memcpy(reinterpret_cast<char*>(to) + 2 * (i % 2), &half, 2);
  }

  void round(const float* a, int64_t lda, int64_t rows) {
    for (int64_t r = 0; r < rows; r++) {
      const float* from = a + r * lda;
      float* to = rounded_.p + r * inputs_;
#if HAS_DPBF16
      if (precision_ == Precision::PAIRS) {
        round_to_pairs(from, columns_, to);
        continue;
      }
#endif
      for (int64_t i = 0; i < columns_; i++) to[i] = bf16(from[i]);
    }
  }

  template <int P>
  void rows_times(const float* a, int64_t lda, int64_t rows, const float* b, float* c, int64_t ldc) const {
    int64_t r = 0;
#if HAS_DPBF16
    if (precision_ == Precision::PAIRS) {
      for (; r + ROWS <= rows; r += ROWS) pair_tile<ROWS, P>(a + r * lda, lda, b, c + r * ldc, ldc);
      for (; r < rows; r++) pair_tile<1, P>(a + r * lda, lda, b, c + r * ldc, ldc);
    }
#endif
    for (; r + ROWS <= rows; r += ROWS) tile<ROWS, P>(a + r * lda, lda, b, c + r * ldc, ldc);
    for (; r < rows; r++) tile<1, P>(a + r * lda, lda, b, c + r * ldc, ldc);
  }

  template <int R, int P>
  void tile(const float* a, int64_t lda, const float* b, float* c, int64_t ldc) const {
    vec sums[R][P] = {};
    for (int64_t i = 0; i < inputs_; i++, b += P * V) {
      vec w[P];
      for (int p = 0; p < P; p++) w[p] = load<true>(b + p * V, V);
      for (int r = 0; r < R; r++)
        for (int p = 0; p < P; p++) sums[r][p] += a[r * lda + i] * w[p];
    }
    for (int r = 0; r < R; r++)
      for (int p = 0; p < P; p++) store<true>(c + r * ldc + p * V, sums[r][p], V);
  }

#if HAS_DPBF16
  TARGET_BF16 static void round_to_pairs(const float* from, int64_t count, float* to) {
    for (int64_t i = 0; i < count; i += V) {
      const __mmask16 there = count - i < V ? (1u << (count - i)) - 1 : 0xffff;
      const __m256i halves = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(there, from + i));
      _mm256_mask_storeu_epi16(reinterpret_cast<uint16_t*>(to) + i, there, halves);
    }
  }

  template <int R, int P>
  TARGET_BF16 void pair_tile(const float* a, int64_t lda, const float* b, float* c, int64_t ldc) const {
    __m512 sums[R][P];
    for (int r = 0; r < R; r++)
      for (int p = 0; p < P; p++) sums[r][p] = _mm512_setzero_ps();
    for (int64_t i = 0; i < inputs_; i++, b += P * V) {
      __m512i w[P];
      for (int p = 0; p < P; p++) w[p] = _mm512_loadu_si512(b + p * V);
      for (int r = 0; r < R; r++) {
        int32_t pair;
        std::memcpy(&pair, a + r * lda + i, 4);
        for (int p = 0; p < P; p++)
          sums[r][p] = _mm512_dpbf16_ps(sums[r][p], (__m512bh)_mm512_set1_epi32(pair), (__m512bh)w[p]);
      }
    }
    for (int r = 0; r < R; r++)
      for (int p = 0; p < P; p++) _mm512_storeu_ps(c + r * ldc + p * V, sums[r][p]);
  }
#endif

  Precision precision_;
  int64_t inputs_, columns_, vectors_, group_, groups_;  // inputs_: rows of the packed weight
  Buffer data_, rounded_;
};

struct Scan {
  int64_t inner, rank;
  const float *dt_weight, *dt_bias;  // (rank, inner), (inner,)
  const float *a2, *skip;            // (N, inner): A * log2(e); (inner,)
};

template <bool FULL>
void scan_chunk(const Scan& m, int64_t g, const float* u, int64_t ldu, const float* z, int64_t ldz, const float* dbl,
                int64_t ldd, float* state, int64_t length, float* y) {
  const int k = FULL ? V : int(m.inner - g);
  vec h[N], a2[N];
  for (int n = 0; n < N; n++) {
    h[n] = load<FULL>(state + n * m.inner + g, k);
    a2[n] = load<FULL>(m.a2 + n * m.inner + g, k);
  }
  const vec bias = load<FULL>(m.dt_bias + g, k), skip = load<FULL>(m.skip + g, k);
  // Only `recur` depends on the token before; the rest in loops of its own lets the processor overlap tokens.
  vec d[CHUNK], du[CHUNK], out[CHUNK];
  for (int64_t l = 0; l < length; l++) {
    vec sum = bias;
    for (int64_t r = 0; r < m.rank; r++) sum += load<FULL>(m.dt_weight + r * m.inner + g, k) * dbl[l * ldd + r];
    vec ul = load<FULL>(u + l * ldu + g, k);
    d[l] = softplus(sum);
    du[l] = d[l] * ul;
    out[l] = skip * ul;
  }
  const float* b = dbl + m.rank;  // a row of dbl: dt (rank), B (N), C (N)
  recur(h, a2, d, du, b, ldd, b + N, ldd, length, out);
  for (int64_t l = 0; l < length; l++)
    store<FULL>(y + l * m.inner + g, out[l] * silu(load<FULL>(z + l * ldz + g, k)), k);
  for (int n = 0; n < N; n++) store<FULL>(state + n * m.inner + g, h[n], k);
}

// y = layer norm of x over `dim` values, eps 1e-5.
void normalise(const float* x, const float* weight, const float* bias, int64_t dim, float* y) {
  vec total{};
  float rest = 0;
  int64_t i = 0;
  for (; i + V <= dim; i += V) total += load<true>(x + i, V);
  for (int64_t j = i; j < dim; j++) rest += x[j];
  const float mean = (sum(total) + rest) / dim;
  vec squares{};
  rest = 0;
  for (i = 0; i + V <= dim; i += V) {
    vec d = load<true>(x + i, V) - mean;
    squares += d * d;
  }
  for (int64_t j = i; j < dim; j++) rest += (x[j] - mean) * (x[j] - mean);
  const float scale = 1.0f / std::sqrt((sum(squares) + rest) / dim + 1e-5f);
  for (i = 0; i + V <= dim; i += V)
    store<true>(y + i, (load<true>(x + i, V) - mean) * scale * load<true>(weight + i, V) + load<true>(bias + i, V), V);
  for (; i < dim; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

}  // namespace

// `length` tokens of one sequence through one branch of a Mamba block.
//
// x: (length, model), rows ldx apart. If `residual` (length, model) is given, it becomes residual + x and is what the
// branch sees instead of x. If norm_weight is given, rows are layer-normalised `norms` times first. out: (length,
// model), may be x itself. conv_state (3, inner) and scan_state (N, inner) are read and replaced. bfloat16: whether the
// three matrix products take operands in bfloat16.
EXPORT(void, mixer_forward)
(const float* x, int64_t ldx, float* residual, int64_t ldr, const float* norm_weight, const float* norm_bias,
 int64_t norms, const float* in_weight, const float* conv_weight, const float* conv_bias, const float* x_weight,
 const float* dt_weight, const float* dt_bias, const float* a2, const float* skip, const float* out_weight,
 float* conv_state, float* scan_state, float* out, int64_t ldo, int64_t length, int64_t model, int64_t inner,
 int64_t rank, int64_t bfloat16) {
  const Precision precision = !bfloat16 ? Precision::FLOAT32 : has_dpbf16() ? Precision::PAIRS : Precision::BF16;
  Packed in(in_weight, 2 * inner, model, precision), to_dbl(x_weight, rank + 2 * N, inner, precision),
      back(out_weight, model, inner, precision);
  const Scan m{inner, rank, dt_weight, dt_bias, a2, skip};
  const int64_t ld_xz = in.width(), ld_dbl = to_dbl.width(), ld_out = back.width();
  Buffer input(CHUNK * model), xz(CHUNK * ld_xz), u(CHUNK * inner), dbl(CHUNK * ld_dbl), y(CHUNK * inner),
      mixed(CHUNK * ld_out);
  for (int64_t first = 0; first < length; first += CHUNK) {
    const int64_t count = length - first < CHUNK ? length - first : CHUNK;
    for (int64_t l = 0; l < count; l++) {
      const float* from = x + (first + l) * ldx;
      float* to = input.p + l * model;
      if (residual) {
        float* r = residual + (first + l) * ldr;
        for (int64_t i = 0; i < model; i++) r[i] += from[i];
        from = r;
      }
      if (norm_weight) {
        for (int64_t n = 0; n < norms; n++) normalise(n ? to : from, norm_weight, norm_bias, model, to);
      } else {
        std::memcpy(to, from, 4 * model);
      }
    }
    in.times(input.p, model, count, xz.p, ld_xz);
    conv_forward_all(xz.p, ld_xz, conv_weight, conv_bias, conv_state, u.p, inner, count, inner);
    to_dbl.times(u.p, inner, count, dbl.p, ld_dbl);
    int64_t g = 0;
    for (; g + V <= inner; g += V)
      scan_chunk<true>(m, g, u.p, inner, xz.p + inner, ld_xz, dbl.p, ld_dbl, scan_state, count, y.p);
    if (g < inner) scan_chunk<false>(m, g, u.p, inner, xz.p + inner, ld_xz, dbl.p, ld_dbl, scan_state, count, y.p);
    back.times(y.p, inner, count, mixed.p, ld_out);
    for (int64_t l = 0; l < count; l++) std::memcpy(out + (first + l) * ldo, mixed.p + l * ld_out, 4 * model);
  }
}

// Whether this processor multiplies bfloat16 numbers itself.
EXPORT(int, multiplies_bf16)() { return has_dpbf16(); }
