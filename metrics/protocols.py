"""The named sets of conventions under which a metric can be computed."""

from __future__ import annotations

PROTOCOLS = {
    "standard": "correct and documented definitions on grey levels 0..255 (the default)",
    "cddfuse": "what CDDFuse's Evaluator prints with the library versions that its authors pinned",
    "tang2023": "L. Tang's MATLAB evaluation code since March 2023",
    "tang2022": ("L. Tang's MATLAB evaluation code before March 2023: 8-bit arithmetic that saturates, images in 0..1"),
    "tang-py": "the Python version of Tang's code that circulates (Metric_Python)",
    "vifb": "the MATLAB code of the VIFB benchmark; colour images are scored channel by channel and averaged",
    "liu2012": "the MATLAB code of Z. Liu et al. (TPAMI 2012)",
    "hli": "the MATLAB code of H. Li (DenseFuse, NestFuse, RFN-Nest): images in 0..1",
    "ivifzoo": "the PyTorch code of IVIF_ZOO",
}


def protocols() -> dict[str, str]:
    """Name -> one-line description of every protocol."""
    return dict(PROTOCOLS)
