"""Statistics against values computed by hand, published examples and scipy's own bootstrap."""

import numpy as np
import pytest
from scipy import stats

from benchmark import statistics
from benchmark.statistics import Scores

# Demšar (JMLR 7, 2006), table 6: AUC of four versions of C4.5 on 14 data sets. For "voting" (the last but one) the
# paper prints 0.975 twice and ranks the third version before the fourth.
DEMSAR = np.array(
    [
        [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
        [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
        [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946],
        [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
    ]
)


def scores(values, direction=1, scenes=None):
    """Of one metric M; values: (k, n)."""
    values = np.asarray(values, float)
    ids = tuple(f"{i:03d}" for i in range(values.shape[1]))
    methods = tuple("abcdefghij"[: len(values)])
    return Scores(methods, {"M": direction}, ids, values[:, None], None if scenes is None else tuple(scenes))


def test_signed_rank_by_hand():
    # 6 differences: of the 64 signs two are as extreme as all positive; six as extreme as a rank sum of 2.
    p, signs = statistics.signed_rank([[1, 2, 3, 4, 5, 6], [1, -2, 3, 4, 5, 6], [-1, -2, -3, -4, -5, -6], [0] * 6])
    assert p == pytest.approx([2 / 64, 6 / 64, 2 / 64, 1], abs=1e-12)
    assert signs.tolist() == [1, 1, -1, 0]


def test_signed_rank_does_not_depend_on_what_else_is_tested():
    tied, untied = [1.0] * 12, list(np.arange(1.0, 13))
    (alone,), _ = statistics.signed_rank([untied])
    together, _ = statistics.signed_rank([tied, untied, [0.0] * 12])
    assert alone == together[1] == 2 / 2**12
    assert together[0] == pytest.approx(stats.wilcoxon(tied).pvalue)


def test_holm_by_hand():
    assert statistics.holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm(np.array([0.6, 0.5])).tolist() == [1, 1]
    assert len(statistics.holm(np.array([]))) == 0


def test_holm_is_that_of_statsmodels():
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = np.random.default_rng(0).beta(0.3, 2, 50)
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)


def test_summary_by_hand():
    (summary,) = statistics.summaries(scores([[1, 2, 4, np.nan]]))["M"]
    assert (summary.mean, summary.n) == (pytest.approx(7 / 3), 3)
    assert summary.sd == pytest.approx(np.sqrt(7 / 3))  # (16 + 1 + 25) / 9 / 2
    assert 1 <= summary.low < 7 / 3 < summary.high <= 4


def test_interval_is_that_of_scipy():
    values = np.random.default_rng(1).gamma(2, 3, 80)
    (summary,) = statistics.summaries(scores([values]), resamples=9000)["M"]
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=9000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    # Both are random: the error of such a quantile is about 2 % of the interval's width.
    width = theirs.high - theirs.low
    assert summary.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert summary.high == pytest.approx(theirs.high, abs=0.08 * width)


def test_interval_covers_the_true_mean_as_often_as_it_says():
    values = np.random.default_rng(2).normal(3, 1, (400, 60))
    found = statistics.summaries(
        Scores(tuple(map(str, range(400))), {"M": 1}, tuple(map(str, range(60))), values[:, None]), resamples=500
    )["M"]
    covered = np.mean([s.low <= 3 <= s.high for s in found])
    assert 0.90 < covered < 0.98  # 95 %, give or take three standard errors and the bootstrap's small-sample bias


def test_no_interval_of_one_image():
    (one,) = statistics.summaries(scores([[2.5]]))["M"]
    assert (one.mean, one.n) == (2.5, 1)
    assert np.isnan([one.sd, one.low, one.high]).all()


def test_infinite_values_make_no_mean():
    found = statistics.summaries(scores([[1, np.inf, 2], [np.inf] * 3, [-np.inf] * 3, [np.inf, -np.inf, np.nan]]))["M"]
    assert (found[0].mean, found[0].n, found[0].infinite) == (1.5, 2, 1)
    assert found[0].sd == pytest.approx(np.sqrt(0.5)) and 1 <= found[0].low <= found[0].high <= 2
    assert [one.mean for one in found[1:3]] == [np.inf, -np.inf] and np.isnan(found[3].mean)
    assert [(one.n, one.infinite) for one in found[1:]] == [(0, 3), (0, 3), (0, 2)]
    assert all(np.isnan([one.sd, one.low, one.high]).all() for one in found[1:])


def test_best_is_shared_by_what_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    base = rng.normal(5, 1, 40)
    noise = rng.normal(0, 0.3, 40)
    found = statistics.against_best(scores([base, base + noise - noise.mean() - 0.001, base - 1]), "M")
    assert found.best == 0
    assert found.shared.tolist() == [True, True, False]
    assert np.isnan(found.p[0])
    assert found.p[1] > 0.3
    assert found.p[2] < 1e-6
    # Lower is better: the other end.
    found = statistics.against_best(scores([base, base - 1, base], direction=-1), "M")
    assert (found.best, found.shared.tolist()) == (1, [False, True, False])


def test_p_values_against_the_best_by_hand():
    # Differences to the best: 1..6 against the second, 1, -2, 3..6 against the third.
    best = np.arange(10.0, 16.0)
    values = [best, best - [1, 2, 3, 4, 5, 6]]
    found = statistics.against_best(scores(values), "M")
    assert (found.possible, found.units) == (True, 6)
    assert found.p[1] == pytest.approx(2 / 64)
    assert found.shared.tolist() == [True, False]
    # With a third method two tests are made, and 2 * 2 / 64 > 0.05: nothing can be told from 6 images.
    found = statistics.against_best(scores([*values, best - 1]), "M")
    assert not found.possible
    assert found.shared.tolist() == [True, False, False]
    assert np.isnan(found.p).all()


def test_five_images_allow_no_test():
    assert not statistics.can_differ(5, 1)
    assert statistics.can_differ(6, 1)
    assert not statistics.against_best(scores([[2, 3, 4, 5, 6], [1, 1, 1, 1, 1]]), "M").possible


def test_a_method_that_wins_nearly_everywhere_is_not_called_worse():
    # One outlier gives `a` the better mean; `b` is better on 29 of 30 images.
    a, b = np.zeros(30), np.linspace(0.1, 1, 30)
    a[0] = 100
    found = statistics.against_best(scores([a, b]), "M")
    assert found.best == 0
    assert found.p[1] < 0.001
    assert found.shared.tolist() == [True, True]


def test_identical_methods_and_constant_metrics():
    values = [[1.0] * 20, [1.0] * 20, [1.0] * 20]
    found = statistics.against_best(scores(values), "M")
    assert found.shared.tolist() == [True, True, True]
    assert found.p[1:].tolist() == [1, 1]
    test = statistics.friedman(scores(values), "M")
    assert (test.p, test.mean_ranks.tolist()) == (1, [2, 2, 2])
    ranked = statistics.ranking(scores(values))
    assert ranked.position.tolist() == [1, 1, 1]
    assert ranked.borda.tolist() == [1, 1, 1]
    # A last bit that rounding left is no difference, however consistent it is.
    noisy = scores([np.full(20, 0.3), np.full(20, 0.1 + 0.2)])
    assert noisy.values[0, 0, 0] != noisy.values[1, 0, 0]
    assert statistics.against_best(noisy, "M").shared.all()
    assert statistics.ranking(noisy).mean_rank.tolist() == [1.5, 1.5]


def test_undefined_images():
    best = np.linspace(5, 6, 12)
    values = np.array([best, best - 1, best - 2])
    values[2, 3] = np.nan
    found = statistics.against_best(scores(values), "M")
    assert found.shared.tolist() == [True, False, False]
    assert np.isnan(found.p[2])  # not compared
    assert scores(values).compared("M").tolist() == [True, True, False]
    # Undefined for every method: the image tells nothing about any of them.
    values[:, 3] = np.nan
    everywhere = scores(values)
    assert everywhere.compared("M").tolist() == [True, True, True]
    assert statistics.against_best(everywhere, "M").units == 11
    assert np.isfinite(statistics.ranking(everywhere).mean_rank).all()
    values[:] = np.nan
    assert statistics.against_best(scores(values), "M").best is None
    assert not statistics.against_best(scores(values), "M").shared.any()


def test_infinite_scores_are_compared_with_nothing():
    values = np.array([np.arange(8.0), np.arange(8.0) - 1, np.arange(8.0) - 2])
    values[2, 5] = np.inf
    found = scores(values)
    assert found.compared("M").tolist() == [True, True, False]
    best = statistics.against_best(found, "M")
    assert (best.best, best.units) == (0, 8)
    assert np.isnan(statistics.pairwise(found, "M")[2]).all()
    assert statistics.wins(found, "M")[2].tolist() == [0, 0, 0]
    assert np.isnan(statistics.ranking(found).mean_rank[2])
    assert np.isnan(statistics.rank_intervals(found, "M")[0][2])
    # Infinite for every method, as of a pair of equal images: the image tells nothing about any of them.
    values[:, 5] = np.inf
    everywhere = scores(values)
    assert everywhere.compared("M").all()
    assert statistics.against_best(everywhere, "M").units == 7
    assert statistics.friedman(everywhere, "M").mean_ranks.tolist() == [1, 2, 3]


def test_friedman_of_demsars_example():
    found = statistics.friedman(scores(DEMSAR), "M")
    assert found.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.units == 14
    # The paper's 9.28 is without the correction for ties, which scipy makes: k (k + 1) more in the denominator.
    ranks = 14 * found.mean_ranks
    uncorrected = 12 / (14 * 4 * 5) * (ranks**2).sum() - 3 * 14 * 5
    assert uncorrected == pytest.approx(9.28, abs=0.005)
    assert found.statistic == pytest.approx(stats.friedmanchisquare(*DEMSAR).statistic, rel=1e-12)
    assert found.statistic > uncorrected
    # The paper: no two differ at 0.05; at 0.10 (critical difference 1.12) C4.5 differs from its two versions with m.
    assert statistics.critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)
    assert (found.nemenyi > 0.05).all()
    assert (found.nemenyi[0] < 0.10).tolist() == [False, True, False, True]
    # Nemenyi's p of a distance equal to the critical one is alpha.
    q = found.critical_difference / np.sqrt(4 * 5 / (6 * 14)) * np.sqrt(2)
    assert stats.studentized_range.sf(q, 4, np.inf) == pytest.approx(0.05, abs=1e-6)
    turned = statistics.friedman(scores(DEMSAR, direction=-1), "M")
    assert turned.mean_ranks == pytest.approx(5 - found.mean_ranks)


def test_friedman_needs_three_methods():
    assert statistics.friedman(scores(DEMSAR[:2]), "M") is None
    assert statistics.friedman(scores(DEMSAR[:, :1]), "M") is None


def test_scenes_are_the_units():
    # 12 images of 3 scenes: the same differences that 12 independent images would show beyond doubt.
    base = np.linspace(1, 2, 12)
    values = [base, base - 0.5]
    scenes = ["x"] * 2 + ["y"] * 4 + ["z"] * 6
    as_images, as_scenes = scores(values), scores(values, scenes=scenes)
    assert statistics.against_best(as_images, "M").p[1] < 0.001
    assert not statistics.against_best(as_scenes, "M").possible
    assert (as_scenes.unit, as_scenes.units) == ("scene", 3)
    expected = [base[:2].mean(), base[2:6].mean(), base[6:].mean()]
    assert as_scenes.observations[0, 0] == pytest.approx(expected)
    # The mean stays that of the images; its interval is that of whole scenes drawn.
    image, scene = (statistics.summaries(s)["M"][0] for s in (as_images, as_scenes))
    assert image.mean == scene.mean == pytest.approx(1.5)
    assert scene.high - scene.low > image.high - image.low
    assert scene.low == pytest.approx(expected[0])  # only scene x, in 1 of 27 draws
    shuffled = np.random.default_rng(0).permutation(12)
    moved = scores(np.array(values)[:, shuffled], scenes=[scenes[i] for i in shuffled])
    assert moved.observations == pytest.approx(as_scenes.observations)


def test_ranking_by_hand():
    # Metric A, higher is better; metric B, lower is better; two images, three methods.
    values = np.array(
        [
            [[3, 3], [1, 2]],  # ranks 1 1 and 1 2
            [[2, 1], [2, 1]],  # ranks 2 3 and 2 1
            [[1, 2], [3, 3]],  # ranks 3 2 and 3 3
        ],
        float,
    )
    found = statistics.ranking(Scores(("a", "b", "c"), {"A": 1, "B": -1}, ("1", "2"), values))
    assert found.mean_rank == pytest.approx([1.25, 2, 2.75])
    # Means of A: 3, 1.5, 1.5 -> 2, 0.5, 0.5 points; of B: 1.5, 1.5, 3 -> 1.5, 1.5, 0.
    assert found.borda == pytest.approx([3.5, 2, 0.5])
    assert found.position.tolist() == [1, 2, 3]
    assert found.metrics == ("A", "B")


def test_metrics_without_direction_are_not_ranked():
    values = np.random.default_rng(0).random((3, 2, 9))
    both = Scores(("a", "b", "c"), {"A": 1, "N": 0}, tuple("123456789"), values)
    assert statistics.ranking(both).metrics == ("A",)
    for function in (statistics.against_best, statistics.friedman, statistics.rank_intervals):
        with pytest.raises(ValueError, match="N has no direction"):
            function(both, "N")
    with pytest.raises(ValueError, match="N has no direction"):
        statistics.ranking(both, ["N"])


def test_a_method_without_a_metric_is_not_ranked():
    values = np.random.default_rng(0).random((3, 2, 9))
    values[2, 1] = np.nan
    found = statistics.ranking(Scores(("a", "b", "c"), {"A": 1, "B": 1}, tuple("123456789"), values))
    assert np.isnan(found.position[2])
    assert sorted(found.position[:2]) == [1, 2]
    # A metric that few methods have does not cost the others their rank.
    values[1, 1] = np.nan
    found = statistics.ranking(Scores(("a", "b", "c"), {"A": 1, "B": 1}, tuple("123456789"), values))
    assert found.metrics == ("A",)
    assert np.isfinite(found.position).all()


def test_ranking_of_no_method(recwarn):
    found = statistics.ranking(Scores((), {"A": 1}, (), np.empty((0, 1, 0))))
    assert found.mean_rank.shape == (0,) and not recwarn.list


def test_rank_intervals():
    rng = np.random.default_rng(3)
    base = rng.normal(0, 1, 50)
    values = [base + 10, base + rng.normal(0, 0.5, 50), base + rng.normal(0, 0.5, 50)]
    position, low, high = statistics.rank_intervals(scores(values), "M")
    assert (position[0], low[0], high[0]) == (1, 1, 1)
    assert (low[1], high[1]) == (2, 3)
    assert (low[2], high[2]) == (2, 3)
    found = statistics.ranking(scores(values))
    assert (found.position[0], found.low[0], found.high[0]) == (1, 1, 1)
    assert (found.low[1:] <= found.position[1:]).all()
    assert (found.position[1:] <= found.high[1:]).all()


def test_pairwise_is_symmetric_and_corrected_for_all_pairs():
    base = np.arange(12.0)
    found = statistics.pairwise(scores([base, base - np.linspace(1, 2, 12), base - np.linspace(3, 5, 12)]), "M")
    assert np.array_equal(found, found.T)
    assert np.diag(found).tolist() == [1, 1, 1]
    assert found[0, 1] == pytest.approx(3 * 2 / 2**12)  # every pair as extreme as can be, three pairs


def test_the_same_every_time():
    values = np.random.default_rng(0).random((4, 30))
    first, second = statistics.summaries(scores(values)), statistics.summaries(scores(values))
    assert first == second
    assert statistics.summaries(scores(values), seed=1) != first


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="methods, metrics, images"):
        Scores(("a",), {"M": 1}, ("1", "2"), np.zeros((1, 1, 3)))
    with pytest.raises(ValueError, match="1 scenes for 2 images"):
        Scores(("a",), {"M": 1}, ("1", "2"), np.zeros((1, 1, 2)), ("x",))
