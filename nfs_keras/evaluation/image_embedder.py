"""Embeds samples with one encoder per modality."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Encoder = Callable[[np.ndarray], np.ndarray]  # (b, H, W, 3) -> (b, D)


class ImageEmbedder:
    """Embeds samples with a network, for `evaluate` and similar functions.

    Args:
        encoders: `{"visible": encoder, "infrared": encoder}`; an encoder is a
            callable from images (b, H, W, 3) to embeddings (b, D), for
            example `network.encoder("visible").predict_on_batch`.
        load: Callable from a list of samples to batches of their images in
            order, for example
            `lambda samples: image_dataset(samples, (288, 144, 3))`.
        flip: Whether to average the unit embeddings of each image and of its
            mirror image, with a note in the table.

    Call arguments:
        samples: Sequence of samples, of either modality.

    Returns:
        (N, D) array, one row per sample, in order.
    """

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        load: Callable[[Sequence], Iterable],
        flip: bool = False,
    ):
        self.encoders = encoders
        self.load = load
        self.flip = flip

    def __call__(self, samples: Sequence) -> np.ndarray:
        rows = [None] * len(samples)
        for modality, encoder in self.encoders.items():
            places = [
                i for i, s in enumerate(samples) if s.modality == modality
            ]
            part = [samples[i] for i in places]
            embeddings = self._embed(encoder, part) if part else []
            for place, row in zip(places, embeddings, strict=True):
                rows[place] = row
        missing = {
            s.modality
            for s, row in zip(samples, rows, strict=True)
            if row is None
        }
        if missing:
            raise ValueError(
                "Every modality needs an encoder. "
                f"Received: encoders={[*self.encoders]}, samples of "
                f"{sorted(missing)}. "
                "Give one encoder per modality, or the same one twice."
            )
        return np.stack(rows)

    def _embed(self, encoder, samples):
        batches = []
        for batch in self.load(samples):
            images = np.asarray(batch)
            embeddings = np.asarray(encoder(images))
            if self.flip:
                mirrored = np.asarray(encoder(images[:, :, ::-1]))
                embeddings = (unit(embeddings) + unit(mirrored)) / 2
            batches.append(embeddings)
        return np.concatenate(batches)


def unit(embeddings):
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(norms > 0, norms, 1)
