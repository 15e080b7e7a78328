"""A map of embeddings: who lies near whom, and how far modalities part."""

import numpy as np

from nfs_keras.report.style import (
    BLUE,
    PALE,
    VERMILLION,
    drawn,
    extra,
    mark,
    new_figure,
)

SHAPES = {"visible": "o", "infrared": "^"}
COLORS = {"visible": VERMILLION, "infrared": BLUE}


def embedding_map(embeddings, method="tsne", seed=0):
    """Projects embeddings onto a plane.

    Args:
        embeddings: Float array `(num, dim)`.
        method: `"tsne"` (van der Maaten, Hinton 2008; neighbourhoods hold,
            distances do not) or `"pca"` (linear).
        seed: Int. The same seed gives the same map.

    Returns:
        Float array `(num, 2)`.

    Raises:
        ValueError: If `method` is another string.
    """
    if method not in ("tsne", "pca"):
        raise ValueError(
            "`method` names a way to project embeddings. "
            f"Received: method={method!r}. "
            'Pass "tsne" or "pca".'
        )
    decomposition = extra("sklearn.decomposition")
    if method == "pca" or len(embeddings) < 5:
        return decomposition.PCA(2, random_state=seed).fit_transform(embeddings)
    perplexity = min(30, (len(embeddings) - 1) / 3)
    manifold = extra("sklearn.manifold")
    tsne = manifold.TSNE(
        2, perplexity=perplexity, init="pca", max_iter=500, random_state=seed
    )
    # More threads wait for each other longer than they work on so few points.
    with extra("threadpoolctl").threadpool_limits(1):
        return tsne.fit_transform(embeddings)


def sample_identities(identities, num=400, seed=0):
    """Draws whole identities until `num` pictures are reached.

    Args:
        identities: Int array `(num_pictures,)`.
        num: Int. About how many pictures to draw.
        seed: Int.

    Returns:
        Sorted int array of positions: all pictures of some identities, so
        that a map shows groups instead of strays; never more than `num`.
    """
    people, labels = np.unique(identities, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(people))
    return np.sort(np.argsort(order[labels], kind="stable")[:num])


@drawn
def plot_embedding_map(points, identities, modalities, num_identities=7):
    """Draws a map twice: by modality, and by identity for a few people.

    Args:
        points: Float array `(num, 2)`, from `embedding_map`.
        identities: Int array `(num,)`.
        modalities: Array `(num,)` of `"visible"` and `"infrared"`.
        num_identities: Int, at most 7. How many people are picked out; the
            others are grey.

    Returns:
        A `matplotlib.figure.Figure`. Circles are visible, triangles
        infrared; in the lower panel a number names the person, and a line
        joins the middle of their visible pictures to that of the infrared.
    """
    figure, ((above,), (below,)) = new_figure(6.2, 2, 1)
    people = list(dict.fromkeys(identities))[:num_identities]
    for modality, shape in SHAPES.items():
        rows = modalities == modality
        style = {"marker": shape, "s": 18, "lw": 0}
        above.scatter(*points[rows].T, c=COLORS[modality], alpha=0.85, **style)
        rest = rows & ~np.isin(identities, people)
        below.scatter(*points[rest].T, c=PALE, alpha=0.45, **style)
        for position, person in enumerate(people):
            own = points[rows & (identities == person)]
            below.scatter(*own.T, color=mark(position)["color"], **style)
    for position, person in enumerate(people):
        sides = [
            points[(identities == person) & (modalities == modality)]
            for modality in SHAPES
        ]
        centers = [np.median(x, axis=0) for x in sides if len(x)]
        name_person(below, np.array(centers), position, person)
    figure.legend(
        above.collections, SHAPES, loc="outside upper center", ncols=2
    )
    above.set_title("by modality")
    below.set_title("by identity (a line joins the modalities)")
    for axes in (above, below):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def name_person(axes, centers, position, person):
    """Joins the middles of a person's modalities, and names the person."""
    color = mark(position)["color"]
    # Each label in a direction of its own: groups may lie on one another.
    angle = 2.4 * position
    axes.plot(*centers.T, color=color, linewidth=1)
    axes.annotate(
        str(person),
        centers[0],
        xytext=(15 * np.cos(angle), 15 * np.sin(angle)),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        bbox={"fc": "white", "ec": color, "pad": 1.5},
        color="black",
    )
