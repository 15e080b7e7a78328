"""Who a synthetic person is: everything that all their pictures share."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.bag import Bag, random_bag
from nfs_keras.datasets.synthetic.body import Body, random_body
from nfs_keras.datasets.synthetic.head import Head, random_head
from nfs_keras.datasets.synthetic.lower import Lower, random_lower
from nfs_keras.datasets.synthetic.materials import Materials, random_materials
from nfs_keras.datasets.synthetic.upper import Upper, random_upper


class Person(NamedTuple):
    """One identity."""

    gender: str  # "male" | "female"
    view: str  # "front" | "back": the side usually turned to the camera
    body: Body
    head: Head
    upper: Upper
    lower: Lower
    bag: Bag
    materials: Materials


def random_person(rng: np.random.Generator) -> Person:
    """Draws a person.

    Of RegDB's 412 people 254 are women and 156 show their front; ours
    are drawn with about these odds.

    Args:
        rng: The person's own generator.

    Returns:
        A `Person`.
    """
    female = bool(rng.random() < 0.6)
    return Person(
        gender="female" if female else "male",
        view="front" if rng.random() < 0.4 else "back",
        body=random_body(rng, female),
        head=random_head(rng, female),
        upper=random_upper(rng),
        lower=random_lower(rng, female),
        bag=random_bag(rng),
        materials=random_materials(rng),
    )
