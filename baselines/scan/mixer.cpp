// Whole Mamba blocks for inference: residual, layer norm, projections, convolution, scan, gate, in chunks of tokens
// that stay in the second-level cache; convolution and scan carry their state from chunk to chunk.
#include <cmath>
#include <memory>

#include "vector.h"

namespace {

constexpr int64_t CHUNK = 64;
#if defined(__AVX512F__)
constexpr int ROWS = 8;  // of the register tile of a matrix product; with 3 vectors of columns it fills the registers
#else
constexpr int ROWS = 4;
#endif

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// A linear layer's weight (outputs, inputs), packed for `times`: groups of P vectors of outputs, in each the inputs in
// order. P is what wastes least of the padding.
class Packed {
 public:
  Packed(const float* weight, int64_t outputs, int64_t inputs)
      : inputs_(inputs), vectors_(round_up(outputs, V) / V), group_(vectors_ % 3 == 0 ? 3 : 2),
        groups_((vectors_ + group_ - 1) / group_),
        data_(new(std::align_val_t(64)) float[groups_ * group_ * V * inputs]()) {
    const int64_t width = group_ * V;
    for (int64_t o = 0; o < outputs; o++)
      for (int64_t i = 0; i < inputs; i++) data_[((o / width) * inputs + i) * width + o % width] = weight[o * inputs + i];
  }
  ~Packed() { operator delete[](data_, std::align_val_t(64)); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

  int64_t width() const { return groups_ * group_ * V; }  // columns that `times` writes

  // c (rows, width()) = a (rows, inputs) times the transposed weight.
  void times(const float* a, int64_t lda, int64_t rows, float* c, int64_t ldc) const {
    for (int64_t g = 0; g < groups_; g++) {
      const float* b = data_ + g * inputs_ * group_ * V;
      float* column = c + g * group_ * V;
      int64_t r = 0;
      if (group_ == 3) {
        for (; r + ROWS <= rows; r += ROWS) tile<ROWS, 3>(a + r * lda, lda, b, column + r * ldc, ldc);
        for (; r < rows; r++) tile<1, 3>(a + r * lda, lda, b, column + r * ldc, ldc);
      } else {
        for (; r + ROWS <= rows; r += ROWS) tile<ROWS, 2>(a + r * lda, lda, b, column + r * ldc, ldc);
        for (; r < rows; r++) tile<1, 2>(a + r * lda, lda, b, column + r * ldc, ldc);
      }
    }
  }

 private:
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

  int64_t inputs_, vectors_, group_, groups_;
  float* data_;
};

struct Buffer {
  explicit Buffer(int64_t n) : p(new(std::align_val_t(64)) float[n]) {}
  ~Buffer() { operator delete[](p, std::align_val_t(64)); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* const p;
};

struct Mixer {
  int64_t model, inner, rank;
  Packed in, x, out;
  const float *conv_weight, *conv_bias;       // (4, inner), (inner,)
  const float *dt_weight, *dt_bias;           // (rank, inner), (inner,)
  const float *a2, *skip;                     // (N, inner): A * log2(e); (inner,)
};

template <bool FULL>
void scan_chunk(const Mixer& m, int64_t g, const float* u, int64_t ldu, const float* z, int64_t ldz, const float* dbl,
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
// model), may be x itself. conv_state (3, inner) and scan_state (N, inner) are read and replaced.
EXPORT(void, mixer_forward)
(const float* x, int64_t ldx, float* residual, int64_t ldr, const float* norm_weight, const float* norm_bias,
 int64_t norms, const float* in_weight, const float* conv_weight, const float* conv_bias, const float* x_weight,
 const float* dt_weight, const float* dt_bias, const float* a2, const float* skip, const float* out_weight,
 float* conv_state, float* scan_state, float* out, int64_t ldo, int64_t length, int64_t model, int64_t inner,
 int64_t rank) {
  const Mixer m{model, inner, rank, Packed(in_weight, 2 * inner, model), Packed(x_weight, rank + 2 * N, inner),
                Packed(out_weight, model, inner), conv_weight, conv_bias, dt_weight, dt_bias, a2, skip};
  const int64_t ld_xz = m.in.width(), ld_dbl = m.x.width(), ld_out = m.out.width();
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
    m.in.times(input.p, model, count, xz.p, ld_xz);
    conv_forward_all(xz.p, ld_xz, conv_weight, conv_bias, conv_state, u.p, inner, count, inner);
    m.x.times(u.p, inner, count, dbl.p, ld_dbl);
    int64_t g = 0;
    for (; g + V <= inner; g += V)
      scan_chunk<true>(m, g, u.p, inner, xz.p + inner, ld_xz, dbl.p, ld_dbl, scan_state, count, y.p);
    if (g < inner) scan_chunk<false>(m, g, u.p, inner, xz.p + inner, ld_xz, dbl.p, ld_dbl, scan_state, count, y.p);
    m.out.times(y.p, inner, count, mixed.p, ld_out);
    for (int64_t l = 0; l < count; l++) std::memcpy(out + (first + l) * ldo, mixed.p + l * ld_out, 4 * model);
  }
}
