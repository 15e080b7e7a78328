"""Cumulative match characteristic curves with confidence bands."""

import numpy as np

from nfs_keras.report.style import drawn, label_lines, mark, new_figure

NINETY_FIVE = 1.96  # standard normal deviate of a 95 % interval


@drawn
def plot_cmc(curves, num_queries=None, title=None, max_rank=20):
    """Draws how often a true match is among the first k answers.

    Args:
        curves: Dict of name to an array of fractions in [0, 1]: `(ranks,)`
            for one trial, `(trials, ranks)` for several. The first is rank 1.
        num_queries: Int, or dict of name to int. The number of valid queries;
            if given, one trial gets a band.
        title: String above the axes.
        max_rank: Int. Last rank that is drawn.

    Returns:
        A `matplotlib.figure.Figure`. The band of one trial is Wilson's 95 %
        interval over queries; that of several is one standard deviation
        over trials.
    """
    figure, ((axes,),) = new_figure(3.2)
    ticks = [1, *range(5, max_rank + 1, 5)]
    for position, (name, curve) in enumerate(curves.items()):
        look = mark(position)
        count = num_queries
        if isinstance(num_queries, dict):
            count = num_queries.get(name)
        curve = np.atleast_2d(curve)[:, :max_rank]
        ranks = np.arange(1, curve.shape[1] + 1)
        marked = [rank - 1 for rank in ticks if rank <= len(ranks)]
        low, high = confidence_band(curve, count)
        axes.fill_between(
            ranks, low * 100, high * 100, color=look["color"], alpha=0.18, lw=0
        )
        axes.plot(ranks, curve.mean(axis=0) * 100, markevery=marked, **look)
    axes.set(xlabel="Rank k", ylabel="Queries matched by rank k (%)")
    axes.set_title(title)
    axes.set_xticks(ticks)
    axes.set_ylim(top=min(101, axes.get_ylim()[1]))
    label_lines(axes, curves, loc="lower right")
    return figure


def confidence_band(curve, num_queries=None):
    """Gives the lower and upper edge of a curve's confidence band.

    Args:
        curve: Float array `(trials, ranks)` of fractions in [0, 1].
        num_queries: Int, or `None` if unknown.

    Returns:
        Two arrays `(ranks,)` in [0, 1]: mean minus and plus one standard
        deviation over trials; or, for one trial, the 95 % score interval of
        a binomial share (Wilson 1927); or the curve twice.
    """
    mean = curve.mean(axis=0)
    if len(curve) > 1:
        spread = curve.std(axis=0, ddof=1)
        return np.clip(mean - spread, 0, 1), np.clip(mean + spread, 0, 1)
    if not num_queries:
        return mean, mean
    z2 = NINETY_FIVE**2 / num_queries
    center = (mean + z2 / 2) / (1 + z2)
    spread = np.sqrt(mean * (1 - mean) * z2 + z2**2 / 4) / (1 + z2)
    return center - spread, center + spread
