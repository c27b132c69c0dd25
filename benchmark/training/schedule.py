"""The schedules of the learning rate."""

from __future__ import annotations

import math

from baselines.tasks import Recipe


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate of a step, counted from 0, by the recipe's `warmup` and `schedule`."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1))) / 2)
    if recipe.schedule == "plateau":
        return recipe.learning_rate * min(1, 0.01 + 0.99 * (recipe.steps - step) / max(1, recipe.steps // 5))
    if recipe.schedule == "halving":
        return recipe.learning_rate * 0.5 ** int(6 * min(done, 1 - 1e-9))
    return recipe.learning_rate
