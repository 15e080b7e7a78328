"""The losses once more, as plain loops over pairs in NumPy."""

import math

import numpy as np


def distance(a, b):
    return float(np.linalg.norm(np.subtract(a, b, dtype="float64")))


def angle(a, b):
    a, b = np.float64(a), np.float64(b)
    cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return max(1 - cosine, 0.0)


METRICS = {
    "L2": distance,
    "squared-L2": lambda a, b: distance(a, b) ** 2,
    "angular": angle,
}


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def anchors(identities, embeddings, measure=distance):
    """Yields each row's distances to its positives and to its negatives."""
    rows = range(len(identities))
    for i in rows:
        positives, negatives = [], []
        for j in rows:
            if j == i:
                continue
            same = identities[i] == identities[j]
            chosen = positives if same else negatives
            chosen.append(measure(embeddings[i], embeddings[j]))
        yield positives, negatives


def batch_hard(identities, embeddings, margin):
    losses = []
    for positives, negatives in anchors(identities, embeddings):
        if not positives or not negatives:
            losses.append(0.0)
            continue
        gap = max(positives) - min(negatives)
        soft = margin == "soft"
        losses.append(softplus(gap) if soft else max(gap + margin, 0.0))
    return np.mean(losses)


def softmax_mean(values, sign):
    weights = [math.exp(sign * value) for value in values]
    return np.dot(weights, values) / sum(weights)


def weighted_regularized(identities, embeddings):
    losses = []
    for positives, negatives in anchors(identities, embeddings):
        if not positives or not negatives:
            losses.append(0.0)
            continue
        gap = softmax_mean(positives, 1) - softmax_mean(negatives, -1)
        losses.append(softplus(gap))
    return np.mean(losses)


def triplet_hard(identities, embeddings, margin, soft, metric):
    losses, num_positives, num_negatives = [], 0, 0
    measure = METRICS[metric]
    for positives, negatives in anchors(identities, embeddings, measure):
        num_positives += len(positives)
        num_negatives += len(negatives)
        gap = max(positives, default=0.0) - min(negatives, default=0.0)
        losses.append(softplus(gap) if soft else max(gap + margin, 0.0))
    return np.mean(losses) if num_positives and num_negatives else 0.0


def triplet_semi_hard(identities, embeddings, margin, metric):
    losses = []
    measure = METRICS[metric]
    for positives, negatives in anchors(identities, embeddings, measure):
        for p in positives:
            if negatives:
                farther = [n for n in negatives if n > p]
                n = min(farther) if farther else max(negatives)
                losses.append(max(p - n + margin, 0.0))
    return np.mean(losses) if losses else 0.0


def contrastive(same, distances, margin):
    losses = []
    for y, d in zip(same, distances, strict=True):
        losses.append(d**2 if y else max(margin - d, 0.0) ** 2)
    return np.mean(losses)


def centers(y_true, embeddings):
    """Gives `{modality: {identity: unit vector}}`."""
    found = {0: {}, 1: {}}
    for identity, modality in {tuple(row) for row in y_true.tolist()}:
        chosen = np.all(y_true == (identity, modality), axis=1)
        mean = np.mean(np.float64(embeddings[chosen]), axis=0)
        found[modality][identity] = mean / np.linalg.norm(mean)
    return found


def paired(visible, infrared):
    """Names the identities that the contrastive loss averages over."""
    if len({*visible, *infrared}) < 2:
        return []
    return sorted({*visible} & {*infrared})


def cross_entropy(identity, query, targets, temperature):
    scores = {k: float(query @ t) / temperature for k, t in targets.items()}
    highest = max(scores.values())
    total = sum(math.exp(score - highest) for score in scores.values())
    return math.log(total) + highest - scores[identity]


def info_nce(y_true, embeddings, temperature):
    visible, infrared = centers(y_true, embeddings).values()
    losses = [
        cross_entropy(k, visible[k], infrared, temperature) / 2
        + cross_entropy(k, infrared[k], visible, temperature) / 2
        for k in paired(visible, infrared)
    ]
    return np.mean(losses) if losses else 0.0


def center_margin(y_true, embeddings, margin):
    visible, infrared = centers(y_true, embeddings).values()
    losses = []
    for k in paired(visible, infrared):
        others = [
            center
            for found in (visible, infrared)
            for identity, center in found.items()
            if identity != k
        ]
        loss = distance(visible[k], infrared[k]) ** 2
        for center in (visible[k], infrared[k]):
            nearest = min(distance(center, other) for other in others)
            loss += max(margin - nearest, 0.0) ** 2 / 2
        losses.append(loss)
    return np.mean(losses) if losses else 0.0
