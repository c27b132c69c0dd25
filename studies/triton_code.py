"""What Triton makes of the kernels of the scan for a GPU of compute capability 9.0: no GPU is needed.

    python -m studies.triton_code

Prints registers and spilled bytes of each kernel, and the instructions that tell how well it uses the machine: loads
from memory by their width in bits, barriers, exchanges between lanes. Sizes are those of MambaDFuse at 480x640; with
--channels 128, rows are aligned, for which the compiler chooses otherwise.
"""

from __future__ import annotations

import argparse
import inspect
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

WARPS = {"_chunk_ends": 1, "_carry": 4, "_outputs": 1, "_chunk_starts": 1, "_gradients": 1,
         "_conv_silu": 4, "_conv_silu_before": 4, "_conv_transposed": 4}  # fmt: skip
TOKENS = 480 * 640


def compiled(name: str, channels: int = 120, states: int = 16, tokens: int = TOKENS):
    """Compile one kernel of baselines.scan.triton_kernels as MambaDFuse calls it, for one sequence of `tokens`. Returns
    triton's compiled kernel."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from baselines.scan import triton_kernels as kernels

    narrow, wide = 4 + 2 * states, 2 * channels  # B and C are slices of one tensor, z is half of another
    rows = {"u": channels, "delta": channels, "z": wide, "x": wide, "b": narrow, "c": narrow}
    sizes = {
        "length": tokens,
        "channels": channels,
        "chunks": triton.cdiv(tokens, kernels.CHUNK),
        "cells": states * channels,
    }
    sizes |= {"batches": 1, **{f"{x}_row": row for x, row in rows.items()}}
    sizes |= {f"{x}_batch": tokens * row for x, row in rows.items()}
    constants = {"CHUNK": kernels.CHUNK, "STATES": states, "ALIGNED": 4, "GATED": True, "REVERSE": False, "TAPS": 4}
    constants |= {"CARRIED": kernels.CARRIED, "TOKENS": kernels.TOKENS}
    constants |= {"WIDTH": kernels.CELLS if name == "_carry" else kernels.WIDTH}
    function = getattr(kernels, name)
    signature, given, hints = {}, {}, {}
    for place, parameter in enumerate(inspect.signature(function.fn).parameters):
        if parameter in constants:
            signature[parameter], given[parameter] = "constexpr", constants[parameter]
            continue
        # What the launcher makes of arguments: ones are constants, multiples of 16 are known as such.
        if sizes.get(parameter) == 1:
            signature[parameter], given[parameter] = "constexpr", 1
            continue
        signature[parameter] = "i32" if parameter in sizes else "*fp32"
        if sizes.get(parameter, 16) % 16 == 0:
            hints[place,] = [["tt.divisibility", 16]]
    source = ASTSource(function, signature, given, hints)
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": WARPS[name]})


def counted(name: str, channels: int = 120) -> dict[str, int]:
    """Count what one kernel is made of: registers, spilled (bytes), load32, load64, load128, barriers, exchanges."""
    import triton

    kernel = compiled(name, channels)
    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        usage = subprocess.run([tools / "cuobjdump", "-res-usage", file.name], capture_output=True, text=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", usage)
    ptx = Counter(re.findall(r"^\s+(?:@!?%p\d+\s+)?([a-z][\w.]+)", kernel.asm["ptx"], re.MULTILINE))
    # Vectors are written `v4`, or `v4.b32`; anything else loads one number.
    loads = {"load32": 0, "load64": 0, "load128": 0}
    for instruction, count in ptx.items():
        if instruction.startswith("ld.global"):
            loads["load128" if ".v4" in instruction else "load64" if ".v2" in instruction else "load32"] += count
    return {
        "registers": int(found[1]), "spilled": int(found[2]), **loads,
        "barriers": sum(n for op, n in ptx.items() if op.startswith(("bar.sync", "barrier"))),
        "exchanges": sum(n for op, n in ptx.items() if op.startswith("shfl")),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=120)
    options = parser.parse_args()
    for place, name in enumerate(WARPS):
        found = counted(name, options.channels)
        if not place:
            print("| kernel | " + " | ".join(found) + " |\n|---|" + "---:|" * len(found))
        print(f"| `{name.strip('_')}` | " + " | ".join(map(str, found.values())) + " |", flush=True)


if __name__ == "__main__":
    main()
