"""The compiled kernels against the numpy code: the same values, whatever the instruction set."""

import json
import os
import subprocess
import sys

import pytest

from metrics import kernel

# Values of every metric under every protocol that computes it in a way of its own; sizes that do and do not fill whole
# vectors and strips.
SCORE = """import json, sys
sys.path.insert(0, {folder!r})
from metric_scenes import scene
import numpy as np
import metrics
from metrics.registry import find
found, chosen, seen = {{}}, {{}}, set()
for protocol in metrics.protocols():
    names = [name for name in metrics.names(protocol) if not metrics.unavailable(name)]
    ways = {{name: (name, find(name).definitions[protocol].compute) for name in names}}
    chosen[protocol] = [name for name in names if ways[name] not in seen]
    seen.update(ways.values())
for shape in ((16, 16), (47, 45), (163, 175)):
    images = scene(*shape)
    cases = {{"scene": images, "flat": [np.where(x > 90, x, 90) for x in images]}}
    for case, triple in cases.items():
        for protocol, names in chosen.items():
            values = metrics.evaluate(*triple, names, protocol) if names else {{}}
            found.update({{f"{{shape}} {{case}} {{protocol}} {{name}}": value for name, value in values.items()}})
print(json.dumps([metrics.isa(), found]))
        """


# A window that an edge barely touches has a variance of about 1e-10, the same as the constants that guard the divisions
# by it; the rounding of E[x^2] - E[x]^2 is then felt. Only images with large flat parts have enough of these windows.
ILL_CONDITIONED = (" VIF", " VIFF", " MEF-SSIM", " MEF-MS-SSIM", " tang2022 SSIM", " MS-SSIM")


def scores(isa: str):
    code = SCORE.format(folder=os.path.dirname(__file__))
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "BENCH_ISA": isa}, capture_output=True, text=True
    )
    return json.loads(run.stdout) if run.returncode == 0 else run.stderr


@pytest.fixture(scope="module")
def plain():
    isa, values = scores("none")
    assert isa is None
    return values


@pytest.mark.parametrize("isa", kernel.ISAS)
def test_compiled_values_are_those_of_numpy(isa, plain):
    if not kernel.PATH.exists():
        pytest.skip("the kernels were not built: no compiler at installation")
    found = scores(isa)
    if isinstance(found, str):
        assert "not built, or not supported by this processor" in found
        pytest.skip(f"this processor does not run {isa}")
    used, values = found
    assert used == isa
    assert values.keys() == plain.keys()
    wrong = {}
    for key, value in values.items():
        loose = " flat " in key and key.endswith(ILL_CONDITIONED)
        if value != pytest.approx(plain[key], rel=1e-6 if loose else 1e-9, abs=1e-12, nan_ok=True):
            wrong[key] = (value, plain[key])
    assert not wrong


def test_the_result_does_not_depend_on_the_number_of_threads_of_a_process():
    code = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from metric_scenes import scene
import metrics
names = [name for name in metrics.names("standard") if not metrics.unavailable(name)]
print(metrics.evaluate(*scene(240, 320), names))
"""
    results = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "3")
    }
    assert len(results) == 1


def test_an_unknown_instruction_set_is_refused_in_one_line():
    assert "BENCH_ISA=avx1024: expected one of avx512, avx2, base, none" in scores("avx1024")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_kernel_without_memory_raises_and_works_again():
    """Of one row of pixels the kernel holds many."""
    script = """
import resource
import numpy as np
from metrics.kernel import library
levels = np.zeros((1, 8_000_000), np.uint8)
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20,) * 2)
for name in ("qabf", "qg"):
    try:
        print(getattr(library(), name)(levels, levels, levels, True))
    except MemoryError as error:
        print(error)
print(library().qabf(*3 * [levels[:, :1000]], True))
"""
    if kernel.library() is None:
        pytest.skip("the kernels were not built")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == 2 * ["a compiled kernel found no memory"] + ["(0.0, 0.0)"], done.stderr
