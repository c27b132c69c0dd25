"""`bench doctor`: what this installation runs on."""

from __future__ import annotations

import os

import click

from benchmark import options


@click.command(short_help="Show versions, devices, compiled kernels and folders in use.")
@options.shared
def command(results, data_root, weights_root):
    """Show what this installation runs on: versions, devices, compiled kernels, folders."""
    from benchmark import provenance

    facts = provenance.environment()
    _say("mmif-bench", f"{facts['mmif-bench']}, commit {facts['git'] or 'unknown'}")
    _say("python", f"{facts['python']} on {facts['machine']}, {provenance.processors()} processors")
    for package in provenance.PACKAGES:
        _say(package, facts["packages"].get(package, "not installed"))
    _torch()
    _kernels("scan", _scan_kernels, _scan_in_use)
    _kernels("metrics", _metric_kernels, _first)
    for option, folder in (("data root", data_root), ("weights root", weights_root), ("results", results)):
        if folder is None:
            _say(option, f"not given (--{option.replace(' ', '-')} or BENCH_{option.split()[0].upper()})")
        else:
            _say(option, f"{folder}{'' if folder.is_dir() else ': no such folder'}")


def _say(name: str, text: str) -> None:
    click.echo(f"{name + ':':<24} {text}")


def _torch() -> None:
    try:
        import torch
    except ImportError as error:
        _say("torch", f"cannot be imported: {error}")
        return
    _say("torch threads", str(torch.get_num_threads()))
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "not available"
    _say("cuda", cuda)


def _scan_kernels():
    from baselines import scan

    return scan.describe()


def _metric_kernels():
    import metrics

    describe = getattr(metrics, "describe_kernel", None)
    return describe() if describe else []


def _first(backends) -> set[str]:
    """The kernel that serves unless another one is forced."""
    return set([backend for backend, available, _ in backends if available][:1])


def _scan_in_use(backends) -> set[str]:
    """On the CPU, and on a GPU where there is one."""
    import torch

    from baselines import scan

    return {scan.in_use(device) for device in ("cpu", "cuda") if device == "cpu" or torch.cuda.is_available()}


def _kernels(name: str, describe, used) -> None:
    try:
        backends = describe()
    except ImportError as error:
        _say(f"{name} kernels", f"cannot be imported: {error}")
        return
    forced = os.environ.get(f"BENCH_{name.upper()}_BACKEND")
    in_use = {forced} if forced else used(backends)
    for backend, available, reason in backends:
        state = "in use" if backend in in_use else "available" if available else "not available"
        _say(f"{name} kernel {backend}", f"{state}{f' ({reason})' if reason else ''}")
