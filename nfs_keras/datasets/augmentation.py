"""Random changes to training pictures."""

import tensorflow as tf

# What the networks' normalisation maps to zero: ImageNet's mean colour.
MEAN_COLOR = (124, 116, 104)


class Augmentation:
    """Changes a training picture at random, repeatably.

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
        channel_exchange: Probability that a *visible* picture shows only its
            red, its green, its blue or its grey values in all three
            channels. Infrared pictures are grey anyway and stay as they are.
            Defaults to `0.0`.

    Call arguments:
        image: uint8 tensor of shape `(height, width, 3)`.
        seed: Two ints. The same seed makes the same changes.
        is_visible: Boolean scalar tensor.

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
        self.padding = padding
        self.flip = flip
        self.random_erasing = random_erasing
        self.channel_exchange = channel_exchange

    def __call__(self, image, seed, is_visible):
        # One draw for all decisions: making a generator costs more than this.
        draws = tf.unstack(tf.random.stateless_uniform((10,), seed))
        if self.padding:
            image = pad_and_crop(image, self.padding, draws[0], draws[1])
        if self.flip:
            mirror = draws[2] < self.flip
            image = tf.cond(mirror, lambda: image[:, ::-1], lambda: image)
        if self.channel_exchange:
            exchange = is_visible & (draws[3] < self.channel_exchange)
            image = tf.cond(
                exchange,
                lambda: exchange_channels(image, draws[4]),
                lambda: image,
            )
        if self.random_erasing:
            erase = draws[5] < self.random_erasing
            image = tf.cond(
                erase, lambda: erase_rectangle(image, draws[6:]), lambda: image
            )
        return image


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
    grey = tf.image.rgb_to_grayscale(image)
    planes = tf.concat([image, grey], axis=-1)
    plane = tf.cast(choice * 4, tf.int32)
    return tf.repeat(planes[..., plane, tf.newaxis], 3, axis=-1)


def erase_rectangle(image, draws):
    """Paints a random rectangle over with the mean colour.

    Its area is 2 to 40 % of the image's, its sides are in a ratio between
    0.3 and 1 / 0.3, before it is cut off at the image's border.

    Args:
        image: uint8 `(height, width, 3)`.
        draws: Four scalars in [0, 1): area, ratio, top, left.
    """
    height, width, _ = image.shape
    area = (0.02 + 0.38 * draws[0]) * height * width
    ratio = 0.3 ** (2.0 * draws[1] - 1.0)
    rows = tf.minimum(tf.sqrt(area * ratio), height)
    columns = tf.minimum(tf.sqrt(area / ratio), width)
    top, left = draws[2] * (height - rows), draws[3] * (width - columns)
    y, x = tf.range(float(height))[:, None], tf.range(float(width))[None, :]
    inside = (y >= top) & (y < top + rows) & (x >= left) & (x < left + columns)
    color = tf.constant(MEAN_COLOR, tf.uint8)
    return tf.where(inside[..., tf.newaxis], color, image)
