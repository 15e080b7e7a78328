"""Random changes to training images."""

import tensorflow as tf

# What the networks' normalisation maps to zero: ImageNet's mean colour.
MEAN_COLOR = (124, 116, 104)

# Weights of red, green and blue: each alone, and all in a grey of equal light.
CHANNEL_WEIGHTS = (
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.299, 0.587, 0.114),
)


class Augmentation:
    """Changes a training image at random, repeatably.

    Each change can be turned off by a zero. The defaults are those of AGW
    (Ye et al., TPAMI 2021); random erasing (Zhong et al., AAAI 2020) and
    channel exchange (Ye et al., ICCV 2021) joined the field's recipe later,
    with 0.5 each.

    Args:
        padding: Int. Black pixels added on every side before a crop of the
            old size is taken anywhere. Defaults to `10`.
        flip: Probability of a mirror image. Defaults to `0.5`.
        random_erasing: Probability that a rectangle of 2 to 40 % of the area
            is painted over with the mean colour. Defaults to `0.0`.
        channel_exchange: Probability that a *visible* image shows only its
            red, its green, its blue or its grey values in all three
            channels. Infrared images are grey anyway and stay as they are.
            Defaults to `0.0`.

    Call arguments:
        image: uint8 tensor of shape `(height, width, 3)`.
        seed: Two ints. The same seed makes the same changes.
        modality: `"visible"` or `"infrared"`.

    Returns:
        A uint8 tensor shaped like `image`.
    """

    def __init__(
        self,
        padding: int = 10,
        flip: float = 0.5,
        random_erasing: float = 0.0,
        channel_exchange: float = 0.0,
    ) -> None:
        if padding < 0 or not all(
            0 <= p <= 1 for p in (flip, random_erasing, channel_exchange)
        ):
            raise ValueError(
                "Padding must not be negative, and probabilities lie in "
                f"[0, 1]. Received: padding={padding}, flip={flip}, "
                f"random_erasing={random_erasing}, "
                f"channel_exchange={channel_exchange}. "
                "Turn a change off with 0."
            )
        self.padding = padding
        self.flip = flip
        self.random_erasing = random_erasing
        self.channel_exchange = channel_exchange

    def __call__(self, image, seed, modality):
        # One draw for all decisions: the cost is the call, not the numbers.
        draws = tf.unstack(tf.random.stateless_uniform((10,), seed))
        if self.padding:
            image = pad_and_crop(image, self.padding, draws[0], draws[1])
        image = maybe(self.flip, draws[2], flip, image)
        if modality == "visible":
            image = maybe(
                self.channel_exchange,
                draws[3],
                exchange_channels,
                image,
                draws[4],
            )
        return maybe(
            self.random_erasing, draws[5], erase_rectangle, image, draws[6:]
        )


def maybe(probability, draw, change, image, *arguments):
    """Applies `change` with a probability, decided by a draw from [0, 1)."""
    if not probability:
        return image
    return tf.cond(
        draw < probability, lambda: change(image, *arguments), lambda: image
    )


def flip(image):
    """Mirrors an image left to right."""
    return tf.reverse(image, [1])


def pad_and_crop(image, padding, down, right):
    """Shifts an image by up to `padding` pixels each way.

    Args:
        image: `(height, width, 3)`.
        padding: Positive int.
        down: Scalar in [0, 1): where the crop lies between top and bottom.
        right: Scalar in [0, 1): where it lies between left and right.
    """
    height, width, _ = image.shape
    sides = [[padding, padding], [padding, padding], [0, 0]]
    top = tf.cast(down * (2 * padding + 1), tf.int32)
    left = tf.cast(right * (2 * padding + 1), tf.int32)
    return tf.slice(tf.pad(image, sides), [top, left, 0], [height, width, 3])


def exchange_channels(image, choice):
    """Shows one of red, green, blue or grey in all channels.

    Args:
        image: uint8 `(height, width, 3)`.
        choice: Scalar in [0, 1), of which each quarter means one of the four.
    """
    weights = tf.gather(CHANNEL_WEIGHTS, tf.cast(4 * choice, tf.int32))
    mix = tf.tile(weights[:, tf.newaxis], [1, 3])
    pixels = tf.reshape(tf.cast(image, tf.float32), (-1, 3)) @ mix
    return tf.reshape(tf.cast(pixels + 0.5, tf.uint8), image.shape)


def erase_rectangle(image, draws):
    """Paints a random rectangle over with the mean colour.

    Its area is 2 to 40 % of the image's and its sides are in a ratio between
    0.3 and 1 / 0.3, before a side longer than the image's is limited to it.

    Args:
        image: uint8 `(height, width, 3)`.
        draws: Four scalars in [0, 1): area, ratio, top, left.
    """
    height, width, _ = image.shape
    area = (0.02 + 0.38 * draws[0]) * height * width
    ratio = 0.3 ** (2.0 * draws[1] - 1.0)
    rows = tf.cast(tf.minimum(tf.sqrt(area * ratio), height), tf.int32)
    columns = tf.cast(tf.minimum(tf.sqrt(area / ratio), width), tf.int32)
    top = tf.cast(draws[2] * tf.cast(height - rows + 1, tf.float32), tf.int32)
    left = tf.cast(
        draws[3] * tf.cast(width - columns + 1, tf.float32), tf.int32
    )
    # Pieces side by side: a mask over all pixels takes four times as long.
    patch = tf.broadcast_to(
        tf.constant(MEAN_COLOR, tf.uint8), (rows, columns, 3)
    )
    band = image[top : top + rows]
    band = tf.concat([band[:, :left], patch, band[:, left + columns :]], axis=1)
    return tf.concat([image[:top], band, image[top + rows :]], axis=0)
