// Selective scan (Gu & Dao 2023, eq. 2 with zero-order-hold A and Euler B, d_state = 16) and the causal depthwise
// convolution before it, forward and backward, float32, token-major: row l of an (L, D) array is one token.
//
// One vector holds V neighbouring channels; the 16 states of those channels stay in registers while the tokens pass.
// Built once per instruction set (-DISA=name); every exported symbol carries that name. -ffast-math would break the
// rounding in exp2.
#include <vector>

#include "vector.h"

namespace {

struct Scan {
  const float *u, *delta, *z, *b, *c;  // z may be null: no gate
  int64_t ldu, ldd, ldz, ldb, ldc;
  const float *a2, *skip, *bias;  // a2: (N, D), A * log2(e)
  int64_t length, channels;
};

// One block of tokens, at most BLOCK, for one vector of channels.
template <bool FULL>
void forward_block(const Scan& s, int64_t g, int64_t first, int64_t count, float* state, float* saved, float* out,
                   int64_t ldo) {
  const int k = FULL ? V : int(s.channels - g);
  const int64_t D = s.channels;
  vec h[N], a2[N];
  for (int n = 0; n < N; n++) {
    h[n] = load<FULL>(state + n * D + g, k);
    a2[n] = load<FULL>(s.a2 + n * D + g, k);
    if (saved) store<FULL>(saved + ((first / BLOCK) * N + n) * D + g, h[n], k);
  }
  const vec bias = load<FULL>(s.bias + g, k), skip = load<FULL>(s.skip + g, k);
  // Only `recur` depends on the token before; the rest in loops of its own lets the processor overlap tokens.
  vec d[BLOCK], du[BLOCK], y[BLOCK];
  for (int64_t t = 0; t < count; t++) {
    const int64_t l = first + t, next = l + BLOCK;  // into the second-level cache; beyond the end it is harmless
    __builtin_prefetch(s.u + next * s.ldu + g, 0, 2);
    __builtin_prefetch(s.delta + next * s.ldd + g, 0, 2);
    if (s.z) __builtin_prefetch(s.z + next * s.ldz + g, 0, 2);
    vec u = load<FULL>(s.u + l * s.ldu + g, k);
    d[t] = softplus(load<FULL>(s.delta + l * s.ldd + g, k) + bias);
    du[t] = d[t] * u;
    y[t] = skip * u;
  }
  recur(h, a2, d, du, s.b + first * s.ldb, s.ldb, s.c + first * s.ldc, s.ldc, count, y);
  for (int64_t t = 0; t < count; t++) {
    if (s.z) y[t] *= silu(load<FULL>(s.z + (first + t) * s.ldz + g, k));
    store<FULL>(out + (first + t) * ldo + g, y[t], k);
  }
  for (int n = 0; n < N; n++) store<FULL>(state + n * D + g, h[n], k);
}

struct Gradients {
  const float* out;  // gradient of the output, row stride = channels, as for all below
  float *u, *delta, *z;
};

// The backward pass takes a block of tokens in three steps, each for one vector of channels: `prepare` what every state
// needs of a token, `propagate` GROUP states (recomputed from the saved one, then their gradients backwards) and
// `finish`. GROUP is such that the states and gradients of a block stay in the first-level cache.
constexpr int GROUP = 4;

struct Token {
  vec d, du, y, gy;  // delta after softplus; d * u; output before the gate; its gradient
  vec gdu, gd;       // gradients: of du; of d through the decay, over ln 2
};

// What accumulates from block to block; gh is the gradient of the state.
struct Carry {
  vec gh[N], ga[N], gskip, gbias;
};

template <bool FULL>
void prepare(const Scan& s, const Gradients& q, int64_t g, int64_t first, int count, Token* tokens) {
  const int k = FULL ? V : int(s.channels - g);
  const vec bias = load<FULL>(s.bias + g, k), skip = load<FULL>(s.skip + g, k);
  for (int t = 0; t < count; t++) {
    const int64_t l = first + t;
    vec u = load<FULL>(s.u + l * s.ldu + g, k), d = softplus(load<FULL>(s.delta + l * s.ldd + g, k) + bias);
    vec gy = load<FULL>(q.out + l * s.channels + g, k);
    if (s.z) gy *= silu(load<FULL>(s.z + l * s.ldz + g, k));
    tokens[t] = {d, d * u, skip * u, gy, vec{}, vec{}};
  }
}

// States n.. of the block; gb and gc gain their gradients, one lane per channel.
template <bool FULL>
void propagate(const Scan& s, const float* saved, int64_t g, int64_t first, int count, int n, Token* tokens,
               Carry& carry, vec (*gb)[GROUP], vec (*gc)[GROUP]) {
  const int k = FULL ? V : int(s.channels - g);
  vec h[BLOCK + 1][GROUP], decay[BLOCK][GROUP], a2[GROUP], gh[GROUP], ga[GROUP];
  for (int i = 0; i < GROUP; i++) {
    h[0][i] = load<FULL>(saved + ((first / BLOCK) * N + n + i) * s.channels + g, k);
    a2[i] = load<FULL>(s.a2 + (n + i) * s.channels + g, k);
    gh[i] = carry.gh[n + i];
    ga[i] = carry.ga[n + i];
  }
  const float *b = s.b + first * s.ldb + n, *c = s.c + first * s.ldc + n;
  for (int t = 0; t < count; t++, b += s.ldb, c += s.ldc) {
    Token& x = tokens[t];
    vec y = x.y;
#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++) {
      decay[t][i] = exp2v(x.d * a2[i]);
      h[t + 1][i] = decay[t][i] * h[t][i] + x.du * b[i];
      y += h[t + 1][i] * c[i];
    }
    x.y = y;
  }
  for (int t = count - 1; t >= 0; t--) {
    b -= s.ldb, c -= s.ldc;
    Token& x = tokens[t];
    vec gdu = x.gdu, gd = x.gd;
#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++) {
      gh[i] += x.gy * c[i];
      gc[t][i] += x.gy * h[t + 1][i];
      gb[t][i] += gh[i] * x.du;
      gdu += gh[i] * b[i];
      gh[i] *= decay[t][i];
      vec gexp = gh[i] * h[t][i];
      gd += gexp * a2[i];
      ga[i] += gexp * x.d;
    }
    x.gdu = gdu;
    x.gd = gd;
  }
  for (int i = 0; i < GROUP; i++) {
    carry.gh[n + i] = gh[i];
    carry.ga[n + i] = ga[i];
  }
}

template <bool FULL>
void finish(const Scan& s, const Gradients& q, int64_t g, int64_t first, int count, const Token* tokens, Carry& carry) {
  const int k = FULL ? V : int(s.channels - g);
  const vec bias = load<FULL>(s.bias + g, k), skip = load<FULL>(s.skip + g, k);
  for (int t = 0; t < count; t++) {
    const int64_t l = first + t, place = l * s.channels + g;
    const Token& x = tokens[t];
    vec u = load<FULL>(s.u + l * s.ldu + g, k);
    if (s.z) {
      vec z = load<FULL>(s.z + l * s.ldz + g, k), sg = sigmoid(z);
      store<FULL>(q.z + place, load<FULL>(q.out + place, k) * x.y * (sg * (1.0f + z * (1.0f - sg))), k);
    }
    store<FULL>(q.u + place, x.gdu * x.d + x.gy * skip, k);
    vec graw = (x.gd * LN2 + x.gdu * u) * sigmoid(load<FULL>(s.delta + l * s.ldd + g, k) + bias);
    store<FULL>(q.delta + place, graw, k);
    carry.gskip += x.gy * u;
    carry.gbias += graw;
  }
}

template <bool FULL>
void conv_backward(const float* x, int64_t ldx, const float* w, const float* bias, const float* gout, float* gx,
                   float* gw, float* gbias, int64_t L, int64_t D, int64_t g) {
  const int k = FULL ? V : int(D - g);
  vec wt[TAPS], sums[TAPS]{}, gb{}, g1{}, g2{}, g3{};  // g1..g3: gradients of the three later outputs
  for (int i = 0; i < TAPS; i++) wt[i] = load<FULL>(w + i * D + g, k);
  const vec b = load<FULL>(bias + g, k);
  for (int64_t l = L - 1; l >= 0; l--) {
    vec in[TAPS], c = b;
    for (int i = 0; i < TAPS; i++) {
      in[i] = row<FULL>(x, ldx, nullptr, D, l - (TAPS - 1) + i, g, k);
      c += wt[i] * in[i];
    }
    vec sg = sigmoid(c);
    vec g0 = load<FULL>(gout + l * D + g, k) * (sg * (1.0f + c * (1.0f - sg)));
    store<FULL>(gx + l * D + g, wt[3] * g0 + wt[2] * g1 + wt[1] * g2 + wt[0] * g3, k);
    for (int i = 0; i < TAPS; i++) sums[i] += g0 * in[i];
    gb += g0;
    g3 = g2, g2 = g1, g1 = g0;
  }
  for (int i = 0; i < TAPS; i++) store<FULL>(gw + i * D + g, sums[i], k);
  store<FULL>(gbias + g, gb, k);
}

}  // namespace

// Widest set this processor runs: 2 = avx512, 1 = avx2, 0 = base.
EXPORT(int, widest_isa)() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return 2;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
  return 0;
}

// Channels first_channel.. to last_channel (exclusive; any) of one sequence.
// state: (N, D), read and written. saved: (ceil(L / 32), N, D) or null.
EXPORT(void, scan_forward)
(const float* u, int64_t ldu, const float* delta, int64_t ldd, const float* z, int64_t ldz, const float* b,
 const float* c, int64_t ldb, int64_t ldc, const float* a2, const float* skip, const float* bias, float* state,
 float* saved, float* out, int64_t ldo, int64_t length, int64_t channels, int64_t first_channel,
 int64_t last_channel) {
  const Scan s{u, delta, z, b, c, ldu, ldd, ldz, ldb, ldc, a2, skip, bias, length, channels};
  for (int64_t first = 0; first < length; first += BLOCK) {
    const int64_t count = length - first < BLOCK ? length - first : BLOCK;
    for (int64_t g = first_channel; g < last_channel; g += V) {
      if (g + V <= last_channel) forward_block<true>(s, g, first, count, state, saved, out, ldo);
      else forward_block<false>(s, g, first, count, state, saved, out, ldo);
    }
  }
}

// Gradients of one sequence over the same channels. gout, gu, gdelta, gz: (L, D); gb, gc: (L, N), sums over these
// channels only; ga: (N, D); gskip, gbias: (D,). The state before the first token is zero.
EXPORT(void, scan_backward)
(const float* u, int64_t ldu, const float* delta, int64_t ldd, const float* z, int64_t ldz, const float* b,
 const float* c, int64_t ldb, int64_t ldc, const float* a2, const float* skip, const float* bias, const float* saved,
 const float* gout, float* gu, float* gdelta, float* gz, float* gb, float* gc, float* ga, float* gskip, float* gbias,
 int64_t length, int64_t channels, int64_t first_channel, int64_t last_channel) {
  const Scan s{u, delta, z, b, c, ldu, ldd, ldz, ldb, ldc, a2, skip, bias, length, channels};
  const Gradients q{gout, gu, gdelta, gz};
  const int64_t groups = (last_channel - first_channel + V - 1) / V;
  std::vector<Carry> carry(groups, Carry{});
  std::vector<Token> tokens(groups * BLOCK);
  const auto full = [&](int64_t i) { return first_channel + (i + 1) * V <= last_channel; };
  vec sums_b[BLOCK][GROUP], sums_c[BLOCK][GROUP];
  for (int64_t first = (length - 1) / BLOCK * BLOCK; first >= 0; first -= BLOCK) {
    const int count = int(length - first < BLOCK ? length - first : BLOCK);
    for (int64_t i = 0; i < groups; i++)
      (full(i) ? prepare<true> : prepare<false>)(s, q, first_channel + i * V, first, count, &tokens[i * BLOCK]);
    for (int n = 0; n < N; n += GROUP) {
      std::memset(sums_b, 0, sizeof sums_b);
      std::memset(sums_c, 0, sizeof sums_c);
      for (int64_t i = 0; i < groups; i++)
        (full(i) ? propagate<true> : propagate<false>)(s, saved, first_channel + i * V, first, count, n,
                                                       &tokens[i * BLOCK], carry[i], sums_b, sums_c);
      for (int t = 0; t < count; t++)
        for (int i = 0; i < GROUP; i++) {
          gb[(first + t) * N + n + i] = sum(sums_b[t][i]);
          gc[(first + t) * N + n + i] = sum(sums_c[t][i]);
        }
    }
    for (int64_t i = 0; i < groups; i++)
      (full(i) ? finish<true> : finish<false>)(s, q, first_channel + i * V, first, count, &tokens[i * BLOCK],
                                               carry[i]);
  }
  for (int64_t i = 0; i < groups; i++) {
    const int64_t g = first_channel + i * V;
    const int k = int(last_channel - g < V ? last_channel - g : V);
    for (int n = 0; n < N; n++) store<false>(ga + n * channels + g, carry[i].ga[n], k);
    store<false>(gskip + g, carry[i].gskip, k);
    store<false>(gbias + g, carry[i].gbias, k);
  }
}

// SiLU of the causal depthwise convolution of width 4; w: (4, D). state: (3, D), the rows before the first token, read
// and replaced by the last three; null: zeros before the first token.
EXPORT(void, conv_silu_forward)
(const float* x, int64_t ldx, const float* w, const float* bias, float* state, float* out, int64_t ldo, int64_t length,
 int64_t channels) {
  conv_forward_all(x, ldx, w, bias, state, out, ldo, length, channels);
}

// gout, gx: (L, D); gw: (4, D); gbias: (D,). Zeros before the first token.
EXPORT(void, conv_silu_backward)
(const float* x, int64_t ldx, const float* w, const float* bias, const float* gout, float* gx, float* gw, float* gbias,
 int64_t length, int64_t channels) {
  int64_t g = 0;
  for (; g + V <= channels; g += V) conv_backward<true>(x, ldx, w, bias, gout, gx, gw, gbias, length, channels, g);
  if (g < channels) conv_backward<false>(x, ldx, w, bias, gout, gx, gw, gbias, length, channels, g);
}

// y = 2^x over n values (a multiple of 16), `repeats` times: what benchmarks compare the scan with.
EXPORT(void, exp2_repeat)(const float* x, float* y, int64_t n, int64_t repeats) {
  for (int64_t r = 0; r < repeats; r++)
    for (int64_t i = 0; i < n; i += V) store<true>(y + i, exp2v(load<true>(x + i, V)), V);
}
