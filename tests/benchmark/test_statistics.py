"""Statistics against values computed by hand, published examples and scipy's own bootstrap."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmark import inference, statistics
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


IDS = tuple(f"{i:03d}" for i in range(60))


def scores(values, direction=1, scenes=None):
    """Of one metric M; values: (k, n)."""
    values = np.asarray(values, float)
    ids = tuple(f"{i:03d}" for i in range(values.shape[1]))
    methods = tuple("abcdefghij"[: len(values)])
    return Scores(methods, {"M": direction}, ids, values[:, None], None if scenes is None else tuple(scenes))


def independent(values, **options):
    """As `scores`, each image a scene of its own, so that nothing is asked of neighbours."""
    return scores(values, scenes=[f"{i:03d}" for i in range(np.shape(values)[1])], **options)


def test_p_values_by_random_signs_by_hand():
    # Seven differences: of the 64 signs up to their reverse, only the observed ones are as extreme as all positive.
    p = inference.step_down(np.array([[1.0, 2, 3, 4, 5, 6, 7]]))
    assert p == pytest.approx([1 / 64])
    # Two as extreme as with one small negative: these and all positive.
    assert inference.step_down(np.array([[-1.0, 2, 3, 4, 5, 6, 7]])) == pytest.approx([2 / 64])
    assert inference.step_down(np.array([[0.0] * 7, [1.0, 2, 3, 4, 5, 6, 7]])).tolist() == [1, 1 / 64]
    assert inference.step_down(np.zeros((0, 7))).shape == (0,)


def test_p_values_are_corrected_step_by_step():
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (6, 10)) + np.array([[1.1], [0.6], [0], [0], [0], [0]])
    together = inference.step_down(rows)
    alone = np.array([inference.step_down(row[None])[0] for row in rows])
    assert (together >= alone).all()
    # The least significant is corrected for nothing, the most significant for all.
    last = np.argmax(together)
    assert together[last] == alone[last]
    stats_of = np.abs(inference._skewness_corrected(rows.T, inference.signs(10)))
    assert together[0] == (stats_of.max(axis=1) >= stats_of[0, 0] * (1 - 1e-9)).mean() > alone[0]
    without = inference.step_down(np.delete(rows, 0, axis=0))
    assert without == pytest.approx(together[1:])  # a rejected test is no burden for the others
    assert inference.step_down(rows[::-1])[::-1] == pytest.approx(together)


def test_skewness_is_corrected_for_as_johnson_does():
    values = np.random.default_rng(3).exponential(1, 20) - 0.7
    t = stats.ttest_1samp(values, 0).statistic * np.sqrt(20 / 19)  # with the variance that divides by n
    skewness = stats.skew(values) / np.sqrt(20)
    (found,) = inference._skewness_corrected(values[:, None], np.ones((1, 20)))[0]
    assert abs(t) < 3 and found == pytest.approx(abs(t + skewness * (t**2 / 3 + 1 / 6)))


def test_signs_are_all_where_these_are_few_and_drawn_where_many():
    few, many = inference.signs(7), inference.signs(30)
    assert few.shape == (64, 7) and len(np.unique(few, axis=0)) == 64 and (few[:, -1] == 1).sum() in (32, 64)
    assert (few[0] == 1).all() and (many[0] == 1).all() and many.shape == (2000, 30)
    assert abs(many[1:].mean()) < 0.02 and np.array_equal(many, inference.signs(30))


def test_summary_by_hand():
    (summary,) = statistics.summaries(scores([[1, 2, 4, np.nan]]))["M"]
    assert (summary.mean, summary.n) == (pytest.approx(7 / 3), 3)
    assert summary.sd == pytest.approx(np.sqrt(7 / 3))  # (16 + 1 + 25) / 9 / 2
    assert np.isnan([summary.low, summary.high]).all()  # too few for an interval


def test_interval_without_skewness_is_students():
    values = np.array([3.0, -1, 2, -2, 1, -3, 0.5, -0.5, 2.5, -2.5])
    (summary,) = statistics.summaries(independent([values]))["M"]
    half = stats.t.ppf(0.975, 9) * stats.sem(values)
    assert (summary.low, summary.high) == pytest.approx((-half, half))
    assert statistics.summaries(scores([values]))["M"] == [summary]  # neighbours are not alike
    low, high = inference.interval(inference.of_scenes(values[None], np.ones(10)), level=0.9)
    assert [*low, *high] == pytest.approx([half * stats.t.ppf(0.95, 9) / stats.t.ppf(0.975, 9)] * 2)


def test_interval_leans_to_where_scores_are_skewed_and_agrees_with_its_test():
    rng = np.random.default_rng(1)
    values = rng.lognormal(0, 0.8, (50, 15))
    units = inference.of_scenes(values, np.ones(15))
    below, above = inference.interval(units)
    skewness = stats.skew(values, axis=1)
    assert (above > below)[skewness > 0.5].all() and (above < below)[skewness < -0.5].all()
    # Where the interval ends, p is 0.05.
    for end in (values.mean(axis=1) - below, values.mean(axis=1) + above):
        moved = inference.of_scenes(values - end[:, None], np.ones(15))
        assert inference.p_values(moved) == pytest.approx([0.05] * 50, abs=1e-9)


def test_p_of_one_mean():
    p = inference.p_values(inference.of_scenes(np.array([[0.0] * 8, [2.0] * 8, [1.0, -1] * 4]), np.ones(8)))
    assert p.tolist() == [1, 0, 1]
    assert np.isnan(inference.p_values(inference.of_scenes(np.ones((1, 6)), np.ones(6)))).all()


def test_interval_of_unequal_scenes_by_hand():
    """By the jackknife: without each scene in turn, the mean over images is computed anew."""
    rng = np.random.default_rng(2)
    counts = np.array([1, 2, 3, 4, 5, 6, 7, 8])
    values, scene = rng.normal(0, 1, 36), np.repeat(np.arange(8), counts)
    without = np.array([values[scene != k].mean() for k in range(8)])
    # The weighted jackknife: each scene moves the mean by its share of what it leaves.
    error = np.sqrt(7 / 8 * ((values.mean() - without) ** 2).sum())
    sums = np.bincount(scene, values)
    rest = sums - values.mean() * counts
    kish = counts.sum() ** 2 / (counts**2).sum()
    skewness = kish / 8 * np.sqrt(56) / 6 * (rest**3).sum() / (rest**2).sum() ** 1.5
    (summary,) = statistics.summaries(scores([values], scenes=[str(k) for k in scene]))["M"]
    for end, sign in ((summary.low, 1), (summary.high, -1)):
        t = (values.mean() - end) / error
        hall = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
        assert hall == pytest.approx(sign * stats.t.ppf(0.975, kish - 1))


@pytest.mark.parametrize("rho", [0, 0.75])
def test_intervals_cover_the_true_mean_as_often_as_they_say(rho):
    noise = np.random.default_rng(2).normal(0, 1, (1500, 1, 60))
    for i in range(1, 60):
        noise[..., i] = rho * noise[..., i - 1] + np.sqrt(1 - rho**2) * noise[..., i]
    many = Scores(tuple(map(str, range(1500))), {"M": 1}, tuple(f"{i:02d}" for i in range(60)), 3 + noise)
    found = [s for s in statistics.summaries(many)["M"] if not np.isnan(s.low)]
    assert len(found) == 1500 or (rho and len(found) > 1300)  # some are so alike that they tell nothing
    assert 0.93 < np.mean([s.low <= 3 <= s.high for s in found]) < 0.97


def test_images_are_neighbours_in_the_order_of_numbers():
    rng = np.random.default_rng(5)
    walk = np.repeat(rng.normal(0, 1, 15), 4) + rng.normal(0, 0.5, 60)
    shuffled = rng.permutation(60)
    ordered = Scores(("a",), {"M": 1}, tuple(f"frame{i}" for i in range(60)), walk[None, None])
    moved = Scores(("a",), {"M": 1}, tuple(f"frame{i}" for i in shuffled), walk[None, None, shuffled])
    other = Scores(("a",), {"M": 1}, tuple(f"frame{i}" for i in range(60)), walk[None, None, shuffled])
    one, two, three = (statistics.summaries(s)["M"][0] for s in (ordered, moved, other))
    assert (one.low, one.high) == pytest.approx((two.low, two.high))
    assert one.high - one.low > 1.4 * (three.high - three.low)  # in this order no neighbours are alike


def test_means_of_differences():
    """Random signs and the interval have to agree."""
    rng = np.random.default_rng(3)
    values = np.stack([rng.normal(0, 1, 12), rng.normal(0.9, 1, 12), rng.lognormal(0, 1, 12) - 0.5])
    found = Scores(("d",), {"A": 1, "B": 1, "C": 1}, IDS[:12], values[None], IDS[:12])
    p = statistics.means_are_zero(found)
    alone = inference.p_values(inference.of_scenes(values, np.ones(12)))
    assert p.tolist() == np.maximum(alone, inference.step_down(values, 20000)).tolist()
    six = Scores(("d",), {"A": 1, "B": 1, "C": 1}, IDS[:6], values[None, :, :6], IDS[:6])
    assert np.isnan(statistics.means_are_zero(six)).all()


def test_no_interval_of_one_image():
    (one,) = statistics.summaries(scores([[2.5]]))["M"]
    assert (one.mean, one.n) == (2.5, 1)
    assert np.isnan([one.sd, one.low, one.high]).all()


def test_infinite_values_make_no_mean():
    found = statistics.summaries(scores([[1, np.inf, 2], [np.inf] * 3, [-np.inf] * 3, [np.inf, -np.inf, np.nan]]))["M"]
    assert (found[0].mean, found[0].n, found[0].infinite) == (1.5, 2, 1)
    assert found[0].sd == pytest.approx(np.sqrt(0.5))
    assert [one.mean for one in found[1:3]] == [np.inf, -np.inf] and np.isnan(found[3].mean)
    assert [(one.n, one.infinite) for one in found[1:]] == [(0, 3), (0, 3), (0, 2)]
    assert all(np.isnan([one.sd, one.low, one.high]).all() for one in found[1:])


def test_best_is_shared_by_what_is_not_shown_to_differ():
    rng = np.random.default_rng(0)
    base = rng.normal(5, 1, 40)
    noise = rng.normal(0, 0.3, 40)
    found = statistics.against_best(scores([base, base + noise - noise.mean() - 0.001, base - 1]), "M")
    assert found.best == 0
    assert found.shared.tolist() == [True, True, False]
    assert np.isnan(found.p[0])
    assert found.p[1] > 0.3
    assert found.p[2] == 1 / 2000  # of the signs drawn
    # Lower is better: the other end.
    found = statistics.against_best(scores([base, base - 1, base], direction=-1), "M")
    assert (found.best, found.shared.tolist()) == (1, [False, True, False])


def test_p_values_against_the_best_are_those_of_all_pairs():
    rng = np.random.default_rng(1)
    one = independent(rng.normal(0, 1, (5, 12)) + 0.4 * np.arange(5)[:, None])
    found, p = statistics.against_best(one, "M"), statistics.pairwise(one, "M")
    assert found.best == np.argmax(one.values.mean(axis=2))
    others = np.arange(5) != found.best
    assert found.p[others].tolist() == p[found.best][others].tolist()
    first, second = np.triu_indices(5, 1)
    apart = one.values[first, 0] - one.values[second, 0]
    assert p[first, second].tolist() == inference.step_down(apart).tolist()
    close = 0
    for seed in range(20):
        one = independent(np.random.default_rng(seed).normal(0, 1, (3, 10)) + np.array([[0], [0.6], [0.8]]))
        found = statistics.against_best(one, "M")
        assert found.shared.tolist() == [i == found.best or found.p[i] >= 0.05 for i in range(3)]
        close += ((found.p > 0.05) & (found.p < 0.1)).any()
    assert close


def test_fewer_than_seven_are_not_tested():
    base = np.array([3.0, 1, 4, 1, 5, 9, 2])
    six, seven = (independent([base[:n], base[:n] - np.linspace(1, 2, n)]) for n in (6, 7))
    assert not statistics.against_best(six, "M").possible
    assert np.isnan(statistics.against_best(six, "M").p).all()
    assert statistics.against_best(six, "M").shared.tolist() == [True, False]
    ties = statistics.against_best(independent([base[:6], base[:6][::-1], base[:6] - 1]), "M")
    assert ties.shared.tolist() == [True, True, False]  # equal means look the same
    assert np.isnan(statistics.pairwise(six, "M")).all() and not statistics.wins(six, "M").any()
    assert np.isnan(statistics.summaries(six)["M"][0].low)
    found = statistics.against_best(seven, "M")
    assert found.possible and found.p[1] == 1 / 64 and not found.shared[1]
    assert np.isfinite(statistics.summaries(seven)["M"][0].low)


def test_an_outlier_that_decides_a_mean_shows_nothing():
    # It gives `a` the better mean; `b` is better on 29 of 30 images.
    a, b = np.zeros(30), np.linspace(0.1, 1, 30)
    a[0] = 100
    found = statistics.against_best(independent([a, b]), "M")
    assert found.best == 0
    assert found.shared.tolist() == [True, True]


def test_neighbours_that_are_alike_count_for_less():
    rng = np.random.default_rng(7)
    apart = np.repeat(rng.normal(0.6, 1, 24), 5) + rng.normal(0, 0.7, 120)  # five frames that say much the same
    base = rng.normal(0, 1, 120)
    found = statistics.against_best(scores([base + apart, base]), "M")
    assert found.possible and found.units == 120 and 8 < found.number < 60
    sure = statistics.against_best(independent([base + apart, base]), "M")
    assert sure.number == 120 and sure.p[1] < found.p[1]
    slow = np.cumsum(apart[:40])
    few = statistics.against_best(scores([base[:40] + slow, base[:40]]), "M")
    assert not few.possible and few.number < 7 and sorted(few.shared) == [False, True]
    # Identical methods say nothing of how alike neighbours are.
    copies = statistics.against_best(scores([base + apart, base, base, base]), "M")
    assert copies.number == pytest.approx(found.number, rel=0.2)
    assert copies.p[1] == copies.p[2]


def test_identical_methods_and_constant_metrics():
    values = [[1.0] * 20, [1.0] * 20, [1.0] * 20]
    found = statistics.against_best(scores(values), "M")
    assert found.shared.tolist() == [True, True, True]
    assert found.p[1:].tolist() == [1, 1]
    assert statistics.rank_intervals(scores(values), "M")[2].tolist() == [3, 3, 3]
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
    found = statistics.friedman(independent(DEMSAR), "M")
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
    # Kendall and Babington Smith: the agreement W of 14 rankings has nearly the distribution of a beta variable.
    w = found.statistic / (14 * 3)
    assert found.p == pytest.approx(stats.beta.sf(w, (3 - 2 / 14) / 2, 13 * (3 - 2 / 14) / 2))
    assert found.p == pytest.approx(stats.friedmanchisquare(*DEMSAR).pvalue, rel=0.3)
    turned = statistics.friedman(independent(DEMSAR, direction=-1), "M")
    assert turned.mean_ranks == pytest.approx(5 - found.mean_ranks)


def test_friedman_needs_three_methods_and_seven_units():
    assert statistics.friedman(scores(DEMSAR[:2]), "M") is None
    assert statistics.friedman(scores(DEMSAR[:, :1]), "M") is None
    few = statistics.friedman(independent(DEMSAR[:, :6]), "M")
    assert not few.possible and np.isnan([few.p, few.critical_difference]).all() and np.isnan(few.nemenyi).all()
    assert few.mean_ranks.sum() == pytest.approx(10)
    assert statistics.friedman(independent(DEMSAR[:, :7]), "M").possible


def test_friedman_of_neighbours_that_are_alike():
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(0, 1, (4, 50)), 4, axis=1)
    found, sure = statistics.friedman(scores(values), "M"), statistics.friedman(independent(values), "M")
    assert found.units == sure.units == sure.number == 200 and 30 < found.number < 90
    shuffled = rng.permutation(200)
    ids = tuple(f"{i:03d}" for i in range(200))
    moved = Scores(tuple("abcd"), {"M": 1}, tuple(ids[i] for i in shuffled), values[:, None, shuffled])
    again = statistics.friedman(moved, "M")
    assert (again.p, again.number) == pytest.approx((found.p, found.number))
    assert found.p > sure.p and found.critical_difference > 1.4 * sure.critical_difference


def test_scenes_are_the_units():
    # 24 images of 3 scenes: the same differences that 24 independent images would show beyond doubt.
    rng = np.random.default_rng(4)
    base = rng.permutation(np.linspace(1, 2, 24))
    values = [base, base - rng.permutation(np.linspace(0.4, 0.6, 24))]
    scenes = ["x"] * 4 + ["y"] * 8 + ["z"] * 12
    as_images, as_scenes = independent(values), scores(values, scenes=scenes)
    assert statistics.against_best(as_images, "M").p[1] < 0.001
    assert not statistics.against_best(as_scenes, "M").possible
    assert (as_scenes.unit, as_scenes.units) == ("scene", 3)
    expected = [base[:4].mean(), base[4:12].mean(), base[12:].mean()]
    assert as_scenes.observations[0, 0] == pytest.approx(expected)
    shuffled = rng.permutation(24)
    moved = scores(np.array(values)[:, shuffled], scenes=[scenes[i] for i in shuffled])
    assert moved.observations == pytest.approx(as_scenes.observations)


def test_scenes_in_sequence_count_for_less_where_neighbours_are_alike():
    rng = np.random.default_rng(5)
    walks = np.repeat(rng.normal(0, 1, (3, 30)), 4, axis=1)  # 120 scenes, four in a row alike
    scenes = [f"{scene:03d}" for scene in np.repeat(np.arange(120), np.tile([1, 3, 2], 40))]
    values = np.repeat(walks, np.tile([1, 3, 2], 40), axis=1) + np.array([[0.25], [0], [0]])
    apart = scores(values, scenes=scenes)
    found = replace(apart, in_sequence=True)
    assert apart.pairs("M").units == found.pairs("M").units == apart.pairs("M").number == 120
    assert 15 < found.pairs("M").number < 60
    assert found.pairs("M").p[0, 1] > apart.pairs("M").p[0, 1]
    wide, narrow = (statistics.summaries(one)["M"][0] for one in (found, apart))
    assert wide.mean == narrow.mean and wide.high - wide.low > 1.4 * (narrow.high - narrow.low)
    assert statistics.friedman(found, "M").number < 60 < statistics.friedman(apart, "M").number == 120
    assert (statistics.ranking(found).high >= statistics.ranking(apart).high).all()
    difference = Scores(("d",), {"M": 1}, found.ids, values[None, :1] - values[None, 1:2], found.scenes)
    p = statistics.means_are_zero(difference)
    assert statistics.means_are_zero(replace(difference, in_sequence=True)) > p


def test_scenes_of_one_image_in_sequence_are_images_in_order():
    values = np.random.default_rng(6).normal(0, 1, (3, 50)).cumsum(axis=1)
    images, scenes = scores(values), replace(independent(values), in_sequence=True)
    assert scenes.pairs("M").p == pytest.approx(images.pairs("M").p, nan_ok=True)
    assert scenes.pairs("M").number == images.pairs("M").number
    for one, other in zip(statistics.summaries(scenes)["M"], statistics.summaries(images)["M"]):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), nan_ok=True)


def test_scenes_weigh_by_their_images():
    """Tables rank means over images, so these are what is tested."""
    scenes = np.repeat(np.arange(8), [1, 1, 1, 1, 1, 1, 1, 30])
    apart = np.where(scenes == 7, -0.1, 0.4)  # better in seven scenes, worse over images
    found = scores([np.zeros(37) + apart, np.zeros(37)], scenes=scenes.astype(str))
    assert statistics.against_best(found, "M").best == 1
    assert found.pairs("M").p[0, 1] == inference.step_down(np.array([[0.4] * 7 + [-3]]))[0]
    assert statistics.summaries(found)["M"][0].mean < 0
    # Images that no method has count for nothing, whole scenes of them neither.
    gaps = np.concatenate([found.values, np.full((2, 1, 2), np.nan)], axis=2)
    more = Scores(("a", "b"), {"M": 1}, (*found.ids, "x", "y"), gaps, (*found.scenes, "7", "8"))
    assert more.pairs("M").units == 8 and more.pairs("M").p.tolist() == found.pairs("M").p.tolist()
    assert statistics.summaries(more) == statistics.summaries(found)


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


def test_rank_intervals_leave_out_what_tests_exclude():
    rng = np.random.default_rng(3)
    base = rng.normal(0, 1, 50)
    values = [base + 10, base + rng.normal(0, 0.5, 50), base + rng.normal(0, 0.5, 50), base - 10]
    position, low, high = statistics.rank_intervals(scores(values), "M")
    assert sorted(position) == [1, 2, 3, 4] and (position[0], position[3]) == (1, 4)
    assert low.tolist() == [1, 2, 2, 4] and high.tolist() == [1, 3, 3, 4]
    position, low, high = statistics.rank_intervals(scores(values, direction=-1), "M")
    assert (position[0], low.tolist(), high.tolist()) == (4, [4, 2, 2, 1], [4, 3, 3, 1])
    found = statistics.ranking(scores(values))
    assert found.low.tolist() == [1, 2, 2, 4] and found.high.tolist() == [1, 3, 3, 4]
    _, low, high = statistics.rank_intervals(scores(np.array(values)[:, :6]), "M")
    assert low.tolist() == [1] * 4 and high.tolist() == [4] * 4  # nothing was tested


def test_places_by_hand():
    p = np.array([[1, 0.01, 0.04], [0.01, 1, 0.06], [0.04, 0.06, 1]])
    pairs = statistics.Pairs(np.arange(3), p, np.array([[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]), 9, 9.0)
    low, high = statistics.places(pairs, 1)
    assert (low.tolist(), high.tolist()) == ([1, 2, 2], [1, 3, 3])
    low, high = statistics.places(pairs, -1, alpha=0.03)
    assert (low.tolist(), high.tolist()) == ([2, 1, 1], [3, 2, 3])


def test_pairwise_and_wins_are_corrected_for_all_pairs():
    rng = np.random.default_rng(13)
    one = independent(rng.normal(0, 1, (8, 12)) + np.array([[0.0]] * 4 + [[0.4]] * 4))
    found = statistics.pairwise(one, "M")
    assert np.array_equal(found, found.T) and np.diag(found).tolist() == [1] * 8
    first, second = np.triu_indices(8, 1)
    alone = np.array([inference.step_down(row[None])[0] for row in one.values[first, 0] - one.values[second, 0]])
    assert (alone < 0.05).sum() > (found[first, second] < 0.05).sum()
    clear = independent(rng.normal(0, 1, (3, 12)) + np.array([[0], [3], [6]]))
    assert statistics.wins(clear, "M").tolist() == [[0, -1, -1], [1, 0, -1], [1, 1, 0]]
    wins = statistics.wins(one, "M")
    assert np.array_equal(wins != 0, found < 0.05) and np.array_equal(wins, -wins.T)
    lower = independent(clear.values[:, 0], direction=-1)
    assert statistics.wins(lower, "M").tolist() == [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]


def test_eight_equal_methods_are_told_apart_in_a_twentieth_of_cases():
    """300 cases: 5 %, give or take three standard errors; Wilcoxon's test with Holm's correction has over 10 %."""
    rng = np.random.default_rng(1)
    found = [statistics.against_best(independent(rng.normal(0, 1, (8, 10))), "M") for _ in range(300)]
    assert 0.012 < np.mean([not one.shared.all() for one in found]) < 0.088


def test_the_same_every_time():
    values = np.random.default_rng(0).random((4, 30))
    first, second = scores(values), scores(values)
    assert statistics.summaries(first) == statistics.summaries(second)
    inference.signs.cache_clear()
    assert np.array_equal(statistics.pairwise(first, "M"), statistics.pairwise(second, "M"))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="methods, metrics, images"):
        Scores(("a",), {"M": 1}, ("1", "2"), np.zeros((1, 1, 3)))
    with pytest.raises(ValueError, match="1 scenes for 2 images"):
        Scores(("a",), {"M": 1}, ("1", "2"), np.zeros((1, 1, 2)), ("x",))


def test_intervals_scale_with_the_scores_and_are_0_wide_of_equal_ones():
    skewed = np.random.default_rng(0).lognormal(0, 1, (1, 20))
    below, above = inference.interval(inference.of_neighbours(skewed))
    assert inference.interval(inference.of_neighbours(1e-3 * skewed)) == (
        pytest.approx(1e-3 * below),
        pytest.approx(1e-3 * above),
    )
    assert below < above  # to the right, where the tail is
    equal = inference.interval(inference.of_neighbours(np.full((1, 20), 0.3)))
    assert np.abs(equal).max() < 1e-12


def test_nothing_is_compared_where_no_method_has_the_metric():
    found = statistics.against_best(scores(np.full((3, 8), np.nan)), "M")
    assert (found.best, found.units, found.number, found.possible) == (None, 0, 0, False)


def test_a_metric_of_half_of_the_methods_enters_the_ranks():
    values = np.random.default_rng(0).normal(size=(4, 2, 8))
    values[2:, 1] = np.nan
    found = statistics.ranking(Scores(tuple("abcd"), {"M": 1, "N": 1}, IDS[:8], values))
    assert found.metrics == ("M", "N") and np.isnan(found.mean_rank[2:]).all()
    values[1, 1] = np.nan
    assert statistics.ranking(Scores(tuple("abcd"), {"M": 1, "N": 1}, IDS[:8], values)).metrics == ("M",)
