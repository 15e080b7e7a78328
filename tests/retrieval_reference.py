"""PROTOCOLS as plain loops: what the evaluation is tested against.

Nothing here is shared with the library, and nothing is clever.
"""

import math


def brute_force(similarity, query, gallery, rules):
    """Scores rankings image by image.

    Args:
        similarity: (Q, G) nested sequence of floats.
        query: List of (identity, camera).
        gallery: List of (identity, camera).
        rules: "regdb", "sysu_mm01" or "llcm".

    Returns:
        (CMC as a list, mean AP, mean INP, number of valid queries).
    """
    curve_length = len(gallery)
    if rules != "regdb":
        curve_length = len({identity for identity, _ in gallery})
    first_ranks, precisions, penalties = [], [], []
    for row, person in zip(similarity, query, strict=True):
        ranking = sorted(range(len(gallery)), key=lambda g: (-row[g], g))
        ranking = [g for g in ranking if sees(person, gallery[g], rules)]
        identities = [gallery[g][0] for g in ranking]
        if person[0] not in identities:
            continue
        counted = identities
        if rules != "regdb":
            counted = list(dict.fromkeys(identities))
        first_ranks.append(counted.index(person[0]) + 1)
        precision, penalty = precision_and_penalty(identities, person[0])
        precisions.append(precision)
        penalties.append(penalty)
    valid = len(first_ranks)
    curve = [
        sum(rank <= k for rank in first_ranks) / valid
        for k in range(1, curve_length + 1)
    ]
    return (
        curve,
        math.fsum(precisions) / valid,
        math.fsum(penalties) / valid,
        valid,
    )


def sees(query, image, rules):
    """Whether the camera rules let a query see a gallery image."""
    if rules == "sysu_mm01":
        return not (query[1] == 3 and image[1] == 2)
    if rules == "llcm":
        return query != image
    return True


def precision_and_penalty(identities, identity):
    found, precisions, last = 0, [], 0
    for rank, other in enumerate(identities, 1):
        if other == identity:
            found += 1
            precisions.append(found / rank)
            last = rank
    return math.fsum(precisions) / found, found / last
