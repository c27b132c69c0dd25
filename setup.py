"""Builds the optional compiled kernels; everything else is in pyproject.toml.

A kernel is one C++ source with a plain C interface, loaded by ctypes, so that it depends neither on
torch's headers nor on Python's ABI. Each source is compiled once per instruction set with
``-DISA=<name>`` (it appends that name to every exported symbol) and the objects are linked into one
library; the loader picks the widest set that the processor has. Without a compiler the installation
succeeds and the numpy and torch fallbacks run.
"""

import os
import platform
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

X86 = {
    "avx512": [
        "-mavx512f",
        "-mavx512bw",
        "-mavx512dq",
        "-mavx512vl",
        "-mavx2",
        "-mfma",
        "-mprefer-vector-width=512",
    ],
    "avx2": ["-mavx2", "-mfma"],
    "base": [],
}
OTHER = {"base": []}  # NEON is part of the base set of 64-bit Arm

COMMON = [
    "-O3",
    "-std=c++17",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-Wno-maybe-uninitialized",
]

KERNELS = [
    Extension(
        "baselines.scan._kernel",
        ["baselines/scan/kernel.cpp", "baselines/scan/mixer.cpp"],
        depends=["baselines/scan/vector.h"],
        optional=True,
    ),
    Extension("metrics._kernel", ["metrics/kernel.cpp"], depends=glob("metrics/*.h"), optional=True),
]


class BuildKernels(build_ext):
    def build_extension(self, ext):
        isas = X86 if platform.machine().lower() in ("x86_64", "amd64") else OTHER
        objects = []
        for isa, flags in isas.items():
            args = [*COMMON, f"-DISA={isa}", *flags]
            try:
                objects += self.compiler.compile(
                    ext.sources, output_dir=os.path.join(self.build_temp, isa), extra_postargs=args
                )
            except Exception:
                if isa == "base":
                    raise
                self.warn(f"{ext.name}: the compiler cannot build for {isa}; left out")
        path = self.get_ext_fullpath(ext.name)
        self.compiler.link_shared_object(objects, path, target_lang="c++")

    def get_ext_filename(self, fullname):
        # No Python ABI inside, hence none in the name.
        return os.path.join(*fullname.split(".")) + ".so"


setup(ext_modules=[k for k in KERNELS if os.path.exists(k.sources[0])], cmdclass={"build_ext": BuildKernels})
