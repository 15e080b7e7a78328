"""The callback that measures retrieval on validation people."""

import keras
import numpy as np

from nfs_keras.evaluation import retrieval_metrics


class RetrievalEvaluation(keras.callbacks.Callback):
    """Adds retrieval metrics on validation people to the logs.

    Each modality of the given samples in turn is searched for in the other.
    The logs receive, in percent and averaged over these directions,
    `val_rank1` (and other ranks), `val_mean_ap` and `val_mean_inp`. List it
    before callbacks that read them, such as
    `keras.callbacks.EarlyStopping("val_mean_ap", mode="max")` and
    `ModelCheckpoint`.

    Many published scores are those of the epoch that was best on the test
    people. Here test people raise an error: hold people out of the training
    set, for example with `nfs_keras.datasets.split_by_identity`, and train
    without them.

    Args:
        embed: Function from a list of samples to (N, D) embeddings, by the
            network that is being trained;
            `nfs_keras.evaluation.ImageEmbedder` makes one.
        samples: Validation samples of both modalities.
        dataset: The reader that they come from. Its test identities are not
            allowed.
        every: Positive int. Epochs from one measurement to the next; the
            first epoch of a `fit` is always measured, and between
            measurements the logs repeat the last. Defaults to `1`.
        ranks: Ranks to report. Defaults to `(1,)`.
        queries: Query modalities. Defaults to both.
        protocol: Name of a protocol or a `Protocol`. Defaults to `"regdb"`,
            which has no camera rules.
        allow_test: Whether test identities are allowed: then choose nothing
            by these scores. Defaults to `False`.

    Raises:
        ValueError: If a sample shows a test identity, or a modality has no
            sample, or `every` is not positive.

    Example:

    ```python
    train, validation = split_by_identity(dataset.train, 0.1)
    evaluation = RetrievalEvaluation(embed, validation, dataset, every=5)
    model.fit(..., callbacks=[evaluation, EarlyStopping("val_mean_ap")])
    ```
    """

    def __init__(
        self,
        embed,
        samples,
        dataset,
        every=1,
        ranks=(1,),
        queries=("visible", "infrared"),
        protocol="regdb",
        allow_test=False,
    ):
        super().__init__()
        if not allow_test:
            check_no_test_identity(samples, dataset)
        check_modalities(samples)
        if every < 1:
            raise ValueError(
                "`every` is a positive number of epochs. "
                f"Received: every={every}. "
                "Pass 1 to measure after each epoch."
            )
        self.embed = embed
        self.samples = list(samples)
        self.every = every
        self.ranks = ranks
        self.queries = queries
        self.protocol = protocol
        self._figures = {}

    def on_train_begin(self, logs=None):
        self._figures = {}

    def on_epoch_end(self, epoch, logs=None):
        if not self._figures or (epoch + 1) % self.every == 0:
            self._figures = self._measure()
        if logs is not None:
            logs.update(self._figures)

    def _measure(self):
        # On JAX, reading `model` copies its weights back from the step.
        getattr(self, "model", None)
        embeddings = np.asarray(self.embed(self.samples))
        directions = [
            self._measure_direction(embeddings, modality)
            for modality in self.queries
        ]
        return {
            f"val_{name}": float(np.mean([d[name] for d in directions]))
            for name in directions[0]
        }

    def _measure_direction(self, embeddings, modality):
        is_query = np.array([s.modality == modality for s in self.samples])
        identities = np.array([s.identity for s in self.samples])
        cameras = np.array([s.camera for s in self.samples])
        sides = (is_query, ~is_query)
        metrics = retrieval_metrics(
            *(embeddings[side] for side in sides),
            *(identities[side] for side in sides),
            *(cameras[side] for side in sides),
            self.protocol,
            self.ranks,
        )
        return metrics.percent()


def check_no_test_identity(samples, dataset):
    """Raises `ValueError` if a sample shows a person of the final test."""
    test = {s.identity for s in [*dataset.query, *dataset.gallery]}
    people = {s.identity for s in samples}
    if people & test:
        raise ValueError(
            "`RetrievalEvaluation` evaluates validation people: a test is "
            "biased if an epoch is chosen on its people. "
            f"Received: {len(people & test)} of {len(people)} identities are "
            f"test identities of {dataset.name}. "
            "Hold people out of `dataset.train`, or pass `allow_test=True` "
            "and choose nothing by it."
        )


def check_modalities(samples):
    modalities = sorted({s.modality for s in samples})
    if modalities != ["infrared", "visible"]:
        raise ValueError(
            "`RetrievalEvaluation` searches one modality in the other. "
            f"Received: samples of modalities={modalities}. "
            "Give samples of the same people in both."
        )
