#!/usr/bin/env bash
# MambaDFuse on a GPU: agreement with float64, speed and memory, the tests that need a GPU, then training for the rest of
# 12 minutes. Everything that is finished is kept, so that it can be stopped and started again, or run in two halves:
#
#   studies/gpu.sh OUT                                                   # all of it
#   studies/gpu.sh OUT --parts agreement,speed,pipeline,tests --minutes 8
#   studies/gpu.sh OUT --parts training --recipe mine.yaml -- --dataset folder --ir DIR --vis DIR
#   studies/gpu.sh OUT --rehearse                                        # tiny, on the CPU, within two minutes
#   studies/gpu.sh --needs                                               # which packages this Python lacks
#
# It needs a Python whose torch sees the GPU: PYTHON, .venv/bin/python or python3, the first that has one. Packages that
# this one lacks come from the folder WHEELS, where it is given, or else from the package index; without any, what needs
# them fails and says so. Where no Python has such a torch, one is set up in WORK, which takes minutes and 6 GB.
# mamba-ssm is measured where it is installed; MAMBA=1 tries to install it, for five minutes. A C++ compiler is used
# where there is one.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
export WORK=${WORK:-${TMPDIR:-/tmp}/mmif-gpu-$(id -u)} PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
say() { echo "gpu.sh: $*" >&2; }

wanted=cuda
for argument in "$@"; do
  case $argument in --rehearse | --needs | -h | --help) wanted=cpu ;; --) break ;; esac
done
sees() { # PYTHON: whether it has a torch that sees what is wanted
  "$1" -c "import sys, torch; sys.exit(0 if '$wanted' == 'cpu' or torch.cuda.is_available() else 1)" 2>/dev/null
}

python=
for candidate in ${PYTHON:-} "$root/.venv/bin/python" python3 "$WORK/venv/bin/python"; do
  if sees "$candidate"; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  if ! nvidia-smi -L >/dev/null 2>&1; then
    say "nvidia-smi finds no GPU here; --rehearse runs every part in tiny form on the CPU"
    exit 2
  fi
  say "no Python here has a torch that sees the GPU; setting one up in $WORK/venv"
  python3 -m venv "$WORK/venv"
  "$WORK/venv/bin/python" -m pip install --quiet ${WHEELS:+--find-links "$WHEELS"} torch
  python=$WORK/venv/bin/python
fi

# Whatever is added goes into a folder of its own, so that no Python is changed.
site=$WORK/site
export PYTHONPATH="$root:$site${PYTHONPATH:+:$PYTHONPATH}"
if [ "${1:-}" = --needs ]; then
  exec "$python" "$root/studies/gpu_needs.py"
fi
mkdir -p "$site"
for round in 1 2 3; do # what is installed may need more
  missing=$("$python" "$root/studies/gpu_needs.py")
  [ -n "$missing" ] || break
  [ $round = 1 ] && say "installing" $missing
  # One by one: what cannot be had keeps no other from coming.
  for package in $missing; do
    "$python" -m pip install --quiet --no-deps --disable-pip-version-check --target "$site" \
      ${WHEELS:+--no-index --find-links "$WHEELS"} "$package" >/dev/null 2>&1 || say "cannot install $package"
  done
done
if [ -n "${MAMBA:-}" ]; then
  timeout 300 "$python" -m pip install --quiet --no-deps --no-build-isolation --target "$site" \
    ${WHEELS:+--find-links "$WHEELS"} causal-conv1d mamba-ssm einops ||
    say "mamba-ssm cannot be installed; its rows are left out"
fi
if [ ! -e "$root/baselines/scan/_kernel.so" ] || [ ! -e "$root/metrics/_kernel.so" ]; then
  (cd "$root" && PYTHONSAFEPATH='' "$python" setup.py --quiet build_ext --inplace) >/dev/null 2>&1 ||
    say "the CPU kernels cannot be compiled; slower code takes their place"
fi
exec "$python" -m studies.gpu_pack "$@"
