// Metric kernels with a plain C interface. Compiled once per instruction set; -DISA=<name> is appended to the exported names.
//
// Loops run over arrays of one row and are left to the compiler to vectorise. Sums are kept per column and added up at the
// end, in the same order for every instruction set. Only C headers are used: an inline function of the C++ library,
// compiled for a wide instruction set, could otherwise end up in the code for a narrow one.

#include "kernel_common.h"
#include "kernel_fmi.h"
#include "kernel_gradients.h"
#include "kernel_levels.h"
#include "kernel_phase.h"
#include "kernel_png.h"
#include "kernel_ssim.h"
#include "kernel_windows.h"

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
