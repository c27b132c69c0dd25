"""The way in: what `bench` and `python -m mmif_bench` start.

Once this is imported, `baselines`, `benchmark` and `metrics` are ours in this process, whatever else has these names:
a file in the folder where it was started, or one on PYTHONPATH. So it comes before all other imports.
"""

import os
import sys
from importlib.machinery import PathFinder

ROOT = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("baselines", "benchmark", "metrics")
MODULES = ("mmif_bench", "benchmark.cli")  # that `python -m` starts


class Ours:
    """Finds our packages beside this file, before anything else is asked."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [ROOT]) if name in PACKAGES else None


def _leave_this_folder_out() -> None:
    """`python -m` lets the modules of the folder where it is called hide those of all libraries; `bench` does not."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    safe = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
    if spec is not None and spec.name in MODULES and not safe and sys.path[0] != ROOT:
        del sys.path[0]


def main(prog_name: str | None = None) -> None:
    from benchmark.cli import main

    main(prog_name=prog_name)


sys.meta_path.insert(0, Ours)
if __name__ == "mmif_bench":
    _leave_this_folder_out()
elif __name__ == "__main__":
    from mmif_bench import main

    main("bench")
