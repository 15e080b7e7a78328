"""The head of a re-identification network."""

import keras

NECK_MOMENTUM = 0.9  # PyTorch's 0.1; Keras' own 0.99 lags in a short search
NECK_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="nfs_keras")
class EmbeddingHead(keras.layers.Layer):
    """Turns a pooled feature into an embedding and identity logits.

    A batch-norm neck with a bias frozen at zero, then a classifier without
    bias. The metric losses act on the pooled feature before the neck, the
    cross-entropy on the logits behind it; retrieval compares embeddings, the
    neck's output, by their direction. Without biases the classes are
    hyperplanes through the origin, so that direction is what identifies.

    Args:
        num_identities: Positive integer. How many identities to classify.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor, the pooled feature.
        training: Whether to normalise by the batch's own statistics.

    Input shape:
        2D tensor `(batch, channels)`.

    Output shape:
        A pair `(embedding, logits)` of the shapes `(batch, channels)` and
        `(batch, num_identities)`. The embedding is not L2-normalised.

    Raises:
        ValueError: If `num_identities` is not positive.

    Example:

    >>> import numpy as np
    >>> pooled = np.ones((4, 16), "float32")
    >>> embedding, logits = EmbeddingHead(num_identities=206)(pooled)
    >>> tuple(embedding.shape), tuple(logits.shape)
    ((4, 16), (4, 206))

    Reference:
        Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person
        Re-identification", CVPR workshops 2019; initial values as in Ye et
        al., "Deep Learning for Person Re-identification" (AGW), TPAMI 2021.
    """

    def __init__(self, num_identities, **kwargs):
        super().__init__(**kwargs)
        if num_identities < 1:
            raise ValueError(
                "`EmbeddingHead` needs at least one identity to classify. "
                f"Received: num_identities={num_identities}. "
                "Pass the number of identities in the training set."
            )
        self.num_identities = num_identities
        self.input_spec = keras.layers.InputSpec(ndim=2)
        self.neck = keras.layers.BatchNormalization(
            momentum=NECK_MOMENTUM,
            epsilon=NECK_EPSILON,
            center=False,
            gamma_initializer=keras.initializers.RandomNormal(1.0, 0.01),
            dtype=self.dtype_policy,
            name="neck",
        )
        self.classifier = keras.layers.Dense(
            num_identities,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(0.0, 0.001),
            dtype=self.dtype_policy,
            name="classifier",
        )

    def build(self, input_shape):
        self.neck.build(input_shape)
        self.classifier.build(input_shape)

    def call(self, inputs, training=False):
        embedding = self.neck(inputs, training=training)
        return embedding, self.classifier(embedding)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape), (input_shape[0], self.num_identities)

    def get_config(self):
        return {**super().get_config(), "num_identities": self.num_identities}
