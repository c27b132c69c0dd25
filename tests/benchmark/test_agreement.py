"""Intervals of tau hold the truth where scenes are few and noisy, and where percentiles of resamples do not."""

import math

import numpy as np
import pytest

from benchmark.worth import agreement


@pytest.mark.parametrize("scenes, noise, strength", [(3, 3.0, 0.81), (10, 3.0, 0.81), (10, 1.0, 0.45), (10, 3.0, 0.0)])
def test_intervals_hold_the_tau_of_the_true_order(scenes, noise, strength):
    rng, held, percentiles = np.random.default_rng(scenes), [], []
    for run in range(60):
        truth = rng.standard_normal((2, 20))
        truth[1] = strength * truth[0] + math.sqrt(1 - strength**2) * truth[1]
        spread = np.array([noise, 0.3 * noise])[:, None, None]
        seen = truth[:, None] + spread * rng.standard_normal((2, scenes, 20))
        weights = agreement.resamples(np.arange(scenes), 200, seed=run) / scenes
        taus = agreement.tau(weights @ seen[0], weights @ seen[1])
        first, second = agreement.halves(np.arange(scenes), 40, seed=run)
        found = agreement.reliability(first @ seen[0], second @ seen[0], scenes)
        value = float(agreement.tau(seen[0].mean(axis=0), seen[1].mean(axis=0)))
        low, high = agreement.interval(value, taus, scenes, found.rho)
        true = float(agreement.tau(*truth))
        held.append(low <= true <= high)
        percentiles.append(np.quantile(taus, 0.025) <= true <= np.quantile(taus, 0.975))
        assert -1 <= low <= value <= high <= 1
    assert np.mean(held) > 0.87
    if strength > 0.5:
        assert np.mean(percentiles) < 0.6, "percentiles would have done: the test is too easy"


def test_attenuation_moves_ends_away_from_zero_and_never_over_it():
    taus = np.linspace(0.1, 0.5, 101)
    exact, shaky = (agreement.interval(0.3, taus, 40, reliability) for reliability in (1.0, 0.4))
    assert shaky[0] == pytest.approx(exact[0]) and exact[0] > 0, "the end towards 0 stays"
    assert shaky[1] == pytest.approx(agreement.unattenuated(exact[1], 0.4)) and shaky[1] > exact[1]
    mirrored = agreement.interval(-0.3, -taus, 40, 0.4)
    assert mirrored == pytest.approx((-shaky[1], -shaky[0]))
    assert agreement.interval(0.3, taus, 40, 0.0)[1] == 1.0
    ceiling = agreement.Reliability(0.2, 0.3, 0.4, 9).ceiling
    assert agreement.unattenuated(ceiling - 1e-9, 0.4) == pytest.approx(1, abs=1e-3)
    assert agreement.unattenuated(0.0, 0.0) == 0 and agreement.unattenuated(-0.9, 0.2) == -1


def test_an_interval_needs_a_tau_and_resamples():
    assert all(map(math.isnan, agreement.interval(math.nan, np.zeros(5), 9, 0.8)))
    assert all(map(math.isnan, agreement.interval(0.2, np.full(5, np.nan), 9, 0.8)))
