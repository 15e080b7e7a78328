"""Cumulative match characteristic curves with confidence bands."""

import numpy as np

from nfs_keras.report.style import drawn, label_lines, mark, new_figure

NINETY_FIVE = 1.96  # standard normal deviate of a 95 % interval


@drawn
def plot_cmc(curves, bands=None, title=None, max_rank=20):
    """Draws how often a true match is among the first k answers.

    Args:
        curves: Dict of name to an array of fractions in [0, 1]: `(ranks,)`
            for one trial, `(trials, ranks)` for several. The first is rank 1.
        bands: Dict of name to two arrays `(ranks,)` in [0, 1]: the lower and
            the upper edge of a confidence band. Names may be absent; several
            trials have a band of their own, one standard deviation wide to
            either side of their mean.
        title: String above the axes.
        max_rank: Int. Last rank that is drawn.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure, ((axes,),) = new_figure(3.2)
    ticks = [1, *range(5, max_rank + 1, 5)]
    bands = {**trial_bands(curves), **(bands or {})}
    for position, (name, curve) in enumerate(curves.items()):
        look = mark(position)
        mean = 100 * np.atleast_2d(curve)[:, :max_rank].mean(axis=0)
        ranks = np.arange(1, len(mean) + 1)
        if name in bands:
            edges = [100 * np.asarray(x)[: len(mean)] for x in bands[name]]
            color = look["color"]
            axes.fill_between(ranks, *edges, color=color, alpha=0.18, lw=0)
        marked = [rank - 1 for rank in ticks if rank <= len(ranks)]
        axes.plot(ranks, mean, markevery=marked, **look)
    axes.set(xlabel="Rank k", ylabel="Queries matched by rank k (%)")
    axes.set_title(title)
    axes.set_xticks(ticks)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0, low), min(101, high))
    label_lines(axes, curves, loc="lower right")
    return figure


def trial_bands(curves):
    """Gives mean minus and plus one deviation of curves of several trials."""
    bands = {}
    for name, curve in curves.items():
        if np.ndim(curve) == 2 and len(curve) > 1:
            mean, spread = np.mean(curve, axis=0), np.std(curve, axis=0, ddof=1)
            bands[name] = np.clip([mean - spread, mean + spread], 0, 1)
    return bands


def score_interval(share, num):
    """Gives the 95 % interval of a share that was seen in `num` draws.

    Args:
        share: Float array in [0, 1].
        num: Positive int, the number of independent draws. For a CMC curve
            that is the number of people, not of queries: the queries of one
            person succeed and fail together.

    Returns:
        Two arrays shaped like `share`: the lower and the upper edge.

    Reference: Wilson, "Probable Inference, the Law of Succession, and
    Statistical Inference", JASA, 1927.
    """
    share = np.asarray(share, float)
    z2 = NINETY_FIVE**2 / num
    center = (share + z2 / 2) / (1 + z2)
    spread = np.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    return center - spread, center + spread
