"""Writes a synthetic dataset in the folders of a benchmark.

    nfs-reid synthesize --kind=regdb data/synthetic_regdb

regdb, sysu_mm01 and llcm have enough people for their protocols; `people` has
images of one modality to pretrain on. The same seed gives the same bytes.
"""

from absl import flags

from nfs_keras import synthetic
from nfs_keras.cli.arguments import words_named

FLAGS = flags.FlagValues()
KINDS = {
    "regdb": synthetic.synthesize_regdb,
    "sysu_mm01": synthetic.synthesize_sysu_mm01,
    "llcm": synthetic.synthesize_llcm,
    "people": synthetic.synthesize_people,
}
flags.DEFINE_enum(
    "kind", "regdb", KINDS, "Benchmark to imitate.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "num_identities", None, "Number of people.", flag_values=FLAGS
)
flags.DEFINE_float(
    "difficulty", None, "From 0 to 1: how much images of one person differ.",
    lower_bound=0.0, upper_bound=1.0, flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer("seed", 0, "Seed of the images.", flag_values=FLAGS)


def run(words):
    root = words_named(words, "FOLDER")
    given = {
        name: FLAGS[name].value
        for name in ("num_identities", "difficulty", "seed")
        if FLAGS[name].value is not None
    }
    KINDS[FLAGS.kind](root, **given)
    print(f"Written: {root}")
    if FLAGS.kind != "people":
        print(f"Check it with: nfs-reid check {root}")
