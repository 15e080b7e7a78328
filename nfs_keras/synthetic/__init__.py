"""Synthetic people, seen as the benchmarks see real ones.

A *world* is the people of one dataset; no two worlds share a person. A
*person* follows from the seed, the world and a number: body, hair, clothes,
bag, and of each part its colour and its heat. An *image* follows from the
person and from a random generator of its own, so it does not depend on the
other images or on the number of processes: a pose gives a map of body parts,
and a camera turns the map into light or heat before surroundings.

`docs/synthetic_data.md` tells what a person's images share, what only one
modality sees, and how hard the images are.
"""

from nfs_keras.synthetic.near_infrared_worlds import (
    synthesize_llcm as synthesize_llcm,
)
from nfs_keras.synthetic.near_infrared_worlds import (
    synthesize_sysu_mm01 as synthesize_sysu_mm01,
)
from nfs_keras.synthetic.thermal_worlds import (
    synthesize_people as synthesize_people,
)
from nfs_keras.synthetic.thermal_worlds import (
    synthesize_regdb as synthesize_regdb,
)
