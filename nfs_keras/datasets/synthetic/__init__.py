"""Synthetic people, photographed as the benchmarks photograph real ones.

A *world* is the people of one dataset; no two worlds share a person. A
*person* is drawn once, from the seed, the world and their number: body, hair,
clothes, bag, and of each part its colour and its heat. A *picture* is drawn
from the person and from a random generator of its own, so that it does not
depend on what else is drawn, nor by how many processes: a pose gives a map of
body parts, and a camera turns the map into light or heat before surroundings.

What a person's pictures share, what only one modality sees, and how hard the
pictures are is told in `docs/synthetic_data.md`.
"""

from nfs_keras.datasets.synthetic.synthesize_llcm import (
    synthesize_llcm as synthesize_llcm,
)
from nfs_keras.datasets.synthetic.synthesize_people import (
    synthesize_people as synthesize_people,
)
from nfs_keras.datasets.synthetic.synthesize_regdb import (
    synthesize_regdb as synthesize_regdb,
)
from nfs_keras.datasets.synthetic.synthesize_sysu_mm01 import (
    synthesize_sysu_mm01 as synthesize_sysu_mm01,
)
