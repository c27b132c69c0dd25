"""Metrics are found by their files; the page of metrics is current."""

import math
import sys
from types import ModuleType

import pytest

import metrics
from metrics import declaring, definitions, docs, registry

NEW = '''
from metrics.declaring import metric

@metric("MAX", title="Largest level", year=2024, family="statistics", direction=+1, range="0 .. 255",
        unit="grey levels", source="a test", protocols={"standard": "the largest level"})
def MAX(f, a, b):
    """MAX = max F."""
    return float(f.levels.max())
'''


@pytest.fixture
def fresh_registry():
    def clear():
        registry.all_metrics.cache_clear()
        registry._spellings.cache_clear()

    clear()
    yield
    clear()


def test_a_metric_is_added_by_adding_one_file(tmp_path, monkeypatch, fresh_registry, triple):
    (tmp_path / "largest.py").write_text(NEW)
    monkeypatch.setattr(definitions, "__path__", [*definitions.__path__, str(tmp_path)])
    try:
        assert "MAX" in metrics.names("standard")
        assert "MAX" not in metrics.names("cddfuse")
        assert metrics.evaluate(*triple, ["max"]) == {"max": triple[0].max()}
        assert metrics.card("MAX").doc == "MAX = max F."
    finally:
        sys.modules.pop("metrics.definitions.largest", None)


def test_a_second_metric_of_the_same_name_is_refused(tmp_path, monkeypatch, fresh_registry):
    (tmp_path / "largest.py").write_text(NEW.replace('"MAX"', '"EN"'))
    monkeypatch.setattr(definitions, "__path__", [*definitions.__path__, str(tmp_path)])
    try:
        with pytest.raises(ValueError, match="two metrics are named EN"):
            metrics.names()
    finally:
        sys.modules.pop("metrics.definitions.largest", None)


def test_a_definition_under_an_unknown_protocol_is_refused():
    with pytest.raises(ValueError, match="unknown protocol 'cdfuse'"):
        declaring.metric("X", protocols={"cdfuse": ""})(lambda f, a, b: 0.0)


@pytest.fixture(scope="module")
def computed():
    return docs.values()


@pytest.fixture
def once(computed, monkeypatch):
    """The example's values, which take seconds, are computed once for all pages."""
    monkeypatch.setattr(docs, "values", lambda: computed)


def test_the_page_of_metrics_is_current(once, capsys):
    assert docs.main(["--check"]) == 0, capsys.readouterr().err


def test_changed_numbers_need_a_new_version(once, tmp_path, capsys):
    page = tmp_path / "metrics.md"
    text = docs.render()
    value = docs.printed(text)[1]["EN", "standard"]
    page.write_text(text.replace(value, "5"))
    assert docs.main([str(page)]) == 1
    assert "EN under standard changed from 5 to" in capsys.readouterr().err
    page.write_text(text.replace(value, "5").replace(f"version {metrics.version}.", "version 0."))
    assert docs.main([str(page)]) == 0
    assert page.read_text() == text
    page.write_text(text + "more\n")
    assert docs.main([str(page), "--check"]) == 1
    assert "is not current" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "standard", "told"),
    [
        (2.0, 2.0, "0"),
        (0.0, 0.0, "0"),
        (2.0, 0.0, ""),
        (math.nan, 1.0, ""),
        (1.0, math.nan, ""),
        (3.0, 1.0, "+200 %"),
        (0.9, 1.0, "-10 %"),
        (5.0, 1.0, "x 5"),
        (0.1, 1.0, "x 0.1"),
        (-1.0, 1.0, "x -1"),
    ],
)
def test_the_difference_from_standard_is_told(value, standard, told):
    assert docs.difference(value, standard) == told


@pytest.mark.skipif(metrics.unavailable("NIQE") is None, reason="pyiqa is installed")
def test_without_pyiqa_its_metrics_say_what_to_install(triple):
    with pytest.raises(ValueError, match=r"NIQE needs the library pyiqa: pip install 'mmif-bench\[noref\]'"):
        metrics.evaluate(*triple, ["NIQE"])


def test_pyiqa_gets_what_it_documents(triple, monkeypatch):
    """A stand-in for pyiqa with its documented interface: create_metric(name, device), metric(image,
    reference).
    """
    torch = pytest.importorskip("torch")
    calls = []

    def create_metric(name, as_loss=False, device=None):
        def metric(target, ref=None):
            for image in (target, ref):
                if image is not None:
                    assert image.dtype == torch.float32 and image.shape == (1, 3, *triple[0].shape)
                    assert image.min() >= 0 and image.max() <= 1
            calls.append((name, str(device), ref is not None))
            return torch.tensor([[float(target.mean()) + (0 if ref is None else float(ref.mean()))]])

        return metric

    fake = ModuleType("pyiqa")
    fake.create_metric = create_metric
    fake.__spec__ = object()
    monkeypatch.setitem(sys.modules, "pyiqa", fake)
    from metrics.definitions import noref

    noref.model.cache_clear()
    try:
        names = ["NIQE", "BRISQUE", "MUSIQ", "LPIPS", "VIF_wavelet"]
        assert not any(map(metrics.unavailable, names))
        values = metrics.evaluate(*triple, names)
    finally:
        noref.model.cache_clear()
    f, a, b = (image.mean() / 255 for image in triple)
    expected = dict.fromkeys(names[:3], f) | {"LPIPS": f + (a + b) / 2, "VIF_wavelet": 2 * f + a + b}
    assert values == pytest.approx(expected, rel=1e-5)
    assert calls == [("niqe", "cpu", False), ("brisque", "cpu", False), ("musiq", "cpu", False)] + [
        (name, "cpu", True) for name in ("lpips", "lpips", "vif", "vif")
    ]
