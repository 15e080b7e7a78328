"""Synthetic images of people, in the folders of the benchmarks.

A *world* is the people of one dataset; no two worlds share a person. A
*person* is computed from the seed, the world and a number: body, hair,
clothes, bag, and the colour and heat of each part. An *image* is computed from
the person and a random generator of its own, so it does not depend on the
other images or on the number of processes: a pose gives a map of body parts,
and a camera renders the map as light or heat in front of surroundings.

`docs/synthetic_data.md` describes what a person's images share, what only one
modality shows, and how difficult the images are.
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
