"""The chapter on mistakes: the worst answers, beside one of the best."""

import numpy as np

from nfs_keras.evaluation import LLCM, REGDB, SYSU_ALL_SEARCH
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.blocks import Note, Strip
from nfs_keras.report.rank_lists import find_rank_lists
from nfs_keras.report.tell_run import tile


def tell_mistakes(run):
    """Yields the worst and the best answers of the last network."""
    embeddings = run.last_embeddings()
    if embeddings is None:
        yield Note("No embeddings were kept, so no answers can be shown.")
        return
    yield Note(
        "Each query is answered from all test pictures of the other modality "
        "that the protocol lets it see."
    )
    for direction in asked_directions(run):
        query, gallery = map(embeddings.of, direction)
        if not (len(query.path) and len(gallery.path)):
            yield Note(f"There is nothing to search from {direction[0]}.")
            continue
        yield from tell_ranks(run, query, gallery)


def asked_directions(run):
    """Lists the directions that were evaluated; both, if none was."""
    scored = [
        modalities
        for direction, modalities in DIRECTIONS.items()
        if any(row.get(direction) for row in run.rows)
    ]
    return scored or list(DIRECTIONS.values())


def tell_ranks(run, query, gallery):
    """Shows some queries with their first ten answers."""
    protocol = find_rules(run.dataset.get("name"))
    worst, best = find_rank_lists(
        query.embedding,
        gallery.embedding,
        query.identity,
        gallery.identity,
        hidden_pictures(protocol, query, gallery),
    )
    root = run.dataset.get("root", "")
    for kind, lists in (("Worst", worst), ("Best", best)):
        for ranks in lists:
            yield strip(kind, ranks, query, gallery, root)


def strip(kind, ranks, query, gallery, root):
    """Lays a query and its answers side by side."""
    asked = query.sample(ranks.query)
    tiles = [tile(asked, root, f"query\nid {asked.identity}")]
    for position, right in zip(ranks.gallery, ranks.correct, strict=True):
        answer = gallery.sample(position)
        label = f"id {answer.identity}\ncamera {answer.camera}"
        tiles.append(tile(answer, root, label, bool(right)))
    title = (
        f"{kind}: {asked.modality} query, camera {asked.camera}; best right "
        f"minus best wrong similarity {ranks.margin:+.2f}"
    )
    return Strip(title, tiles)


def find_rules(dataset):
    """Gives the protocol of a dataset; one without rules if unknown."""
    rules = {"sysu_mm01": SYSU_ALL_SEARCH, "llcm": LLCM}
    return rules.get(dataset, REGDB)


def hidden_pictures(protocol, query, gallery):
    """Makes the function that says what `protocol` hides from queries."""

    def excluded(rows):
        camera = query.camera[rows, None]
        hidden = np.zeros((len(rows), len(gallery.camera)), bool)
        for asked, known in protocol.excluded:
            hidden |= (camera == asked) & (gallery.camera == known)
        if protocol.excludes_same_camera:
            same = query.identity[rows, None] == gallery.identity
            hidden |= same & (camera == gallery.camera)
        return hidden

    return excluded
