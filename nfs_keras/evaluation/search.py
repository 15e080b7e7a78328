"""The ranking tasks of a protocol, checked before anything is trained."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.ground_truth import make_ground_truth
from nfs_keras.evaluation.protocol import Protocol

Embed = Callable[[Sequence], np.ndarray]  # samples -> (N, D)


class Search(NamedTuple):
    """One ranking task: queries, gallery and the rules that apply.

    Attributes:
        name: The row of the table that it belongs to, such as
            `"visible to infrared"` or `"all-search, single-shot"`.
        direction: `"visible_to_infrared"` or `"infrared_to_visible"`.
        query: Samples to search for.
        gallery: Samples to search among.
        protocol: A `Protocol`.
        trial: Int, the trial of the row.
    """

    name: str
    direction: str
    query: Sequence
    gallery: Sequence
    protocol: Protocol
    trial: int = 1

    def labels(self) -> tuple[np.ndarray, ...]:
        """Returns identities and cameras as `retrieval_metrics` takes them."""
        sides = (self.query, self.gallery)
        return (
            *(np.array([s.identity for s in side]) for side in sides),
            *(np.array([s.camera for s in side]) for side in sides),
        )

    def embeddings(self, by_path) -> tuple[np.ndarray, np.ndarray]:
        """Looks up the embeddings of query and gallery, (Q, D), (G, D)."""
        return tuple(
            np.stack([by_path[sample.path] for sample in side])
            for side in (self.query, self.gallery)
        )


def embed_once(
    embed: Embed, searches: Iterable[Search]
) -> dict[str, np.ndarray]:
    """Embeds each distinct image once; maps its path to its embedding."""
    distinct = {
        sample.path: sample
        for search in searches
        for side in (search.query, search.gallery)
        for sample in side
    }
    embeddings = np.asarray(embed(list(distinct.values())))
    if embeddings.ndim != 2 or len(embeddings) != len(distinct):
        raise ValueError(
            "An embedding function must return one row per sample. "
            f"Received: shape={embeddings.shape} for {len(distinct)} samples. "
            "Return an (N, D) array, in the order of the samples."
        )
    return dict(zip(distinct, embeddings, strict=True))


def check_protocol(
    dataset, ranks: Sequence[int] | None = None, **options
) -> None:
    """Checks that a dataset can be scored, before anything is trained.

    It opens no image: each row of the table is checked with the identities
    and cameras of its first trial.

    Args:
        dataset: A reader.
        ranks: Ranks to report. Defaults to the reader's `ranks`.
        **options: Arguments of the reader's `searches`.

    Raises:
        ValueError: If there is nothing to search for, a gallery holds fewer
            people or images than the highest rank, or no query has a match.
    """
    ranks = tuple(dataset.ranks if ranks is None else ranks)
    for search in one_per_row(list_searches(dataset, **options)):
        check_search(search, ranks)


def list_searches(dataset, **options) -> list[Search]:
    """Lists the ranking tasks of a dataset; there is at least one."""
    known = [*inspect.signature(dataset.searches).parameters]
    unknown = {name: x for name, x in options.items() if name not in known}
    if unknown:
        raise ValueError(
            f"The searches of {dataset.title} take {known or 'no options'}. "
            f"Received: {unknown}. "
            "Leave out what they do not take."
        )
    searches = list(dataset.searches(**options))
    if not searches:
        raise ValueError(
            "A protocol needs at least one search. "
            f"Received: {dataset!r} with {options}, which lists no search. "
            "Pass at least one trial and one query modality."
        )
    return searches


def one_per_row(searches):
    """Lists the first search of each row: the other trials are like it."""
    first = {}
    for search in searches:
        first.setdefault(search.name, search)
    return first.values()


def check_search(search, ranks):
    """Raises `ValueError` for a search that cannot be scored."""
    sizes = len(search.query), len(search.gallery)
    if not all(sizes):
        raise ValueError(
            "Query and gallery need images. "
            f"Received: {sizes[0]} query and {sizes[1]} gallery images of "
            f"{search.name!r}. "
            "Give images of both modalities."
        )
    *identities, query_cameras, gallery_cameras = search.labels()
    cameras = (query_cameras, gallery_cameras)
    truth = make_ground_truth(
        sizes, identities, cameras, search.protocol, ranks
    )
    if len(truth.identities) < 2:
        raise ValueError(
            "A gallery needs at least two people. "
            f"Received: 1 identity in the gallery of {search.name!r}. "
            "Give images of at least two people."
        )
    if not any(len(truth.matches(query)) for query in range(sizes[0])):
        raise ValueError(
            "A search needs a query whose person is in the gallery. "
            f"Received: {sizes[0]} queries of {search.name!r} without a match. "
            "Compare the identities and cameras of these images."
        )
