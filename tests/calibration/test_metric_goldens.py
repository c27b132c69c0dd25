"""Every value that a reference code printed (shared/metrics/goldens.csv) against ours.

A row is covered if ours agrees with it to a relative 1e-6 (or both are undefined). What is not covered is in
EXCEPTIONS, with the tolerance that holds instead, or None where the values cannot be compared at all, and the
reason.
"""

import csv
import math
import re
from collections import Counter, defaultdict
from functools import cache

import cv2
import pytest

import metrics
from metrics.definitions.ssim import in_boxes
from metrics.images import Image

RELATIVE, ABSOLUTE = 1e-6, 1e-11  # the latter for values that are 0 but for rounding

# Beginning of the reference's name -> protocol, and our name of its metrics where it is not theirs: a name, or
# (protocol, name), or (protocol, name, factor), or a function of the images.
REFERENCES = {
    "CDDFuse-Evaluator": ("cddfuse", {}),
    "LinfengTang-MATLAB": (
        "tang2023",
        {
            "MEF_SSIM": ("standard", "MEF-SSIM"),
            "MS_SSIM(MEF)": "MS-SSIM",
            "Nabf_as_called(ir,vi,f)": "Nabf",
            "Nabf_correct_order(f,ir,vi)": ("standard", "Nabf"),
            "Nabf_correct_order_01scale": ("tang2022", "Nabf"),
            "SSIM_as_called(L=1;mean)": "SSIM",
            "SSIM_uint8(L=255;mean)": ("hli", "SSIM"),
            "FMI_none": ("standard", "FMI_none"),
            "FMI_gradient": ("standard", "FMI_gradient"),
            "FMI_edge(=FMI_pixel,01scale)": "FMI_edge",
        },
    ),
    "FMI_numba_port": (
        "standard",
        {"FMI_edge(=FMI_pixel; edge maps from Octave edge())": ("tang2023", "FMI_edge")},
    ),
    "LinfengStylePython(puduliu": ("tang-py", {}),
    "LinfengStylePython(warren": (
        "tang-py",
        {"SSIM": ("tang-py", "SSIM", 0.5), "MS_SSIM": ("tang-py", "MS-SSIM", 0.5)},
    ),
    "IVIF_ZOO": ("ivifzoo", {}),
    "VIFB": (
        "vifb",
        {
            "Avg_gradient": "AG",
            "Cross_entropy": "CE",
            "Edge_intensity": "EI",
            "Entropy": "EN",
            "Mutinf": "MI",
            "Spatial_frequency": "SF",
            "Variance": "SD",
        },
    ),
    "bfliu7": (
        "vifb",
        {"avg_gradient": "AG", "cross_entropy": "CE", "edge_intensity": "EI", "entropy": "EN", "mutinf": "MI"},
    ),
    "imageFusionMetrics": ("liu2012", {"Qtsallis_cvejic(q=1.85)": "Qtsallis", "Qe(case3)": ("standard", "Qe")}),
    "hli1221": (
        "hli",
        {"MI(MutualInformation)": "MI", "SD(01,unnormalised)": "SD", "SSIM(mean)": "SSIM"},
    ),
    "thfylsty": (
        "vifb",
        {
            "AG(Definition)": ("standard", "AG"),
            "AG(AverageGradient)": lambda f, a, b: (
                metrics.registry.find("AG")(f, a, b) * (f.shape[0] - 1) * (f.shape[1] - 1) / f.size
            ),
            "AG(avg_gradient)": "AG",
            "CC(my_cc)": ("standard", "CC"),
            "CE(OverallCrossEntropy)": "CE",
            "Nabf(01scale)": ("hli", "Nabf"),
            "Qabf(01scale)": ("hli", "Qabf"),
            "SCD(01scale)": ("hli", "SCD"),
            "SD(variance)": "SD",
            "SF(MySF)": "SF",
            "SSIM(01scale;mean)": ("hli", "SSIM"),
            "VIFF_Public(Han2013)": ("standard", "VIFF"),
        },
    ),
    "generic IQA libs": (
        "standard",
        {
            "piq_MS_SSIM_sum": "MS-SSIM",
            "piq_SSIM(downsample=False)_sum": "SSIM",
            "piq_VIFp(x=fused,y=src)_sum": "VIF",
            "skimage_SSIM_gaussian(11,s1.5,popcov,L255)_sum": "SSIM",
            "skimage_SSIM_uint8(7x7uniform,sampcov,L255)_sum": lambda f, a, b: in_boxes(f, a, b, 255.0),
            "torchmetrics_VIF(preds=fused,255)_sum": "VIF",
        },
    ),
}

SWAPPED = "below 41 pixels the code swaps window and image; ours is undefined"
FLOAT32 = "the code computes in float32, and L = 1 on 0..255 makes flat windows a matter of rounding"
FLAT = "flat windows: 0/0 or rounding noise in the code"

# (reference, metric, triple): patterns -> tolerance, or None where nothing can be compared; why.
EXCEPTIONS = {
    ("CDDFuse|.*puduliu|.*warren", "VIF", "deg_tiny.*"): (None, SWAPPED),
    ("LinfengTang", r"MS_SSIM\(MEF\)", "deg_tiny.*"): (None, "the code returns -infinity; ours is undefined"),
    (".*puduliu|.*warren|IVIF_ZOO", "SSIM", "deg_tiny8"): (None, "the code drops the window below 11 pixels"),
    (".*puduliu|.*warren|IVIF_ZOO", "SSIM|MS_SSIM", "deg_fused_const128"): (2, FLOAT32),
    (".*puduliu|.*warren|IVIF_ZOO", "SSIM|MS_SSIM", ".*"): (1e-4, FLOAT32),
    (".*warren", "VIF", "deg_(all|ir)_.*"): (None, "constant source: rounding in the code; ours is undefined"),
    (".*warren", "VIF", ".*"): (2e-4, "FFT convolution in float32"),
    ("IVIF_ZOO", "VIF", ".*"): (1e-4, "float32"),
    ("IVIF_ZOO", "Qcb", "ctmri10.*"): (0.1, "black background: contrast 0/0"),
    ("IVIF_ZOO", "Qcb", ".*"): (1e-5, "the filter is computed in float32"),
    ("imageFusionMetrics", "Qw", "ctmri10.*"): (1e-4, FLAT),
    ("imageFusionMetrics", "Qc", "road05005.*"): (0.02, FLAT),
    ("imageFusionMetrics", "Qy", "msrs.*"): (None, f"{FLAT}; ours is undefined"),
    ("imageFusionMetrics", "Qm", "deg_all_const128"): (None, "0/0 by rounding; ours is undefined"),
    ("imageFusionMetrics", "Qncie|Qtsallis.*", "deg_all_black"): (None, ("0/0 passes by chance; ours is undefined")),
    ("generic", "piq_MS_SSIM_sum", "road.*"): (0.02, "odd sizes are padded on the other side"),
    ("generic", "piq_VIFp.*", "deg_(all|ir)_.*"): (None, "a constant source counts 1; ours is undefined"),
    ("generic", "piq_VIFp.*", "ctmri10.*"): (1e-5, "another constant against division by 0"),
    ("generic", "pyiqa_MS_SSIM_sum|torchmetrics_MS_SSIM_sum", ".*"): (None, ("other pooling and border: not offered")),
    ("generic", r"pyiqa_SSIM_sum|torchmetrics_SSIM_sum|piq_SSIM\(downsample=True\)_sum", ".*"): (
        None,
        "other pooling and border: not offered",
    ),
    ("generic|hli1221", r"(pyiqa_)?VIF\(.*", ".*"): (
        None,
        "wavelet-domain VIF: only with the extra noref (pyiqa), under standard",
    ),
    ("thfylsty", "VIFF.*", "road04943.*"): (1e-3, "the code takes the second source where the gains are equal"),
    ("thfylsty", "VIFF.*", "deg_fused_const128"): (0.3, "all gains are 0, and the code takes the second source"),
    ("bfliu7", "mutinf|Qcv", ".*"): (None, "known mistakes of this port of VIFB"),
    ("bfliu7", "Qabf|Qcb|edge_intensity", ".*"): (None, "this port of VIFB takes other borders"),
}
ENOUGH = 0.95
MUST_BE_COVERED = ("CDDFuse-Evaluator", "LinfengTang-MATLAB", "VIFB", "imageFusionMetrics")


def exception(source: str, metric: str, triple: str):
    for patterns, found in EXCEPTIONS.items():
        if all(re.match(p, text) for p, text in zip(patterns, (source, metric, triple))):
            return found
    return None


class Triples:
    """Our values for the triples in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.images = cache(self._images)
        self.pair = cache(self._pair)

    def _images(self, triple):
        base = triple.removesuffix("_crop24")
        tail = triple[len(base) :]
        return [
            cv2.imread(str(self.folder / base / f"{kind}{tail}.png"), cv2.IMREAD_GRAYSCALE)
            for kind in ("fused", "ir", "vis")
        ]

    def _pair(self, triple, protocol):
        return metrics.Pair(*self.images(triple)[1:], protocol=protocol)

    def value(self, triple, target) -> float:
        if callable(target):
            return target(*map(Image, self.images(triple)))
        protocol, name, factor = (*target, 1)[:3]
        score = self.pair(triple, protocol).score(self.images(triple)[0], [name])
        return factor * score[name]


def agrees(ours: float, printed: float, relative: float) -> bool:
    if math.isnan(printed) or math.isinf(printed):
        return math.isnan(ours) if math.isnan(printed) else ours == printed
    return abs(ours - printed) <= max(relative * abs(printed), ABSOLUTE)


@pytest.fixture(scope="module")
def goldens(shared):
    with open(shared / "metrics" / "goldens.csv", newline="") as file:
        return list(csv.DictReader(file)), Triples(shared / "metrics" / "triples")


@pytest.mark.parametrize("reference", REFERENCES)
def test_reference(reference, goldens, capsys):
    rows, triples = goldens
    protocol, names = REFERENCES[reference]
    count, problems, loose = Counter(), [], defaultdict(int)
    for row in rows:
        if not row["source"].startswith(reference):
            continue
        source, metric, triple = row["source"], row["metric"], row["triple"]
        if row["value"].startswith("ERROR"):
            count["without a value (the reference failed)"] += 1
            continue
        count["rows"] += 1
        found = exception(source, metric, triple)
        if found and found[0] is None:
            loose[f"not comparable: {found[1]}"] += 1
            continue
        target = names.get(metric, metric)
        ours = triples.value(triple, (protocol, target) if isinstance(target, str) else target)
        printed = float(row["value"])
        if agrees(ours, printed, RELATIVE):
            count["covered"] += 1
        elif found and agrees(ours, printed, found[0]):
            loose[f"within {found[0]:g}: {found[1]}"] += 1
        else:
            problems.append(f"{source} {metric} {triple}: printed {printed!r}, ours {ours!r}")
    with capsys.disabled():
        share = count["covered"] / count["rows"]
        print(f"\n{reference}: {count['covered']} of {count['rows']} rows covered ({share:.1%})", end="")
        for text, n in [*loose.items(), *((k, v) for k, v in count.items() if k.startswith("without"))]:
            print(f"\n    {n} {text}", end="")
    assert not problems, "\n".join(problems)
    assert reference not in MUST_BE_COVERED or share >= ENOUGH


def test_every_row_belongs_to_a_reference(goldens):
    rows, _ = goldens
    assert not {row["source"] for row in rows if not row["source"].startswith(tuple(REFERENCES))}


def test_every_exception_is_needed(goldens):
    used = set()
    for row in goldens[0]:
        for patterns in EXCEPTIONS:
            if all(re.match(p, row[k]) for p, k in zip(patterns, ("source", "metric", "triple"))):
                used.add(patterns)
                break
    assert used == set(EXCEPTIONS)
