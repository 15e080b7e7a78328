"""Makes a synthetic dataset in a benchmark's own layout.

    nfs-reid synthesize --kind=regdb data/synthetic_regdb

regdb, sysu_mm01 and llcm hold enough people for their protocols; `people` is
a crowd of one modality to pretrain on. The same seed gives the same bytes.
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
flags.DEFINE_enum("kind", "regdb", KINDS, "Whose layout.", flag_values=FLAGS)
flags.DEFINE_integer(
    "num_identities", None, "How many people.", flag_values=FLAGS
)
flags.DEFINE_float(
    "difficulty", None, "From 0 to 1: how much images of one person differ.",
    lower_bound=0.0, upper_bound=1.0, flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer("seed", 0, "Seed of the world.", flag_values=FLAGS)


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
        print(f"Examine it with: nfs-reid check {root}")
