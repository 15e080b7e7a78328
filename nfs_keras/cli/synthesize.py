"""Draws people as two cameras would see them, in a benchmark's own layout.

    nfs-reid synthesize --kind=regdb data/synthetic_regdb

The same seed draws the same bytes.
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
    "kind", "regdb", KINDS, "Whose layout to draw.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "num_identities", None, "People to draw.", flag_values=FLAGS
)
flags.DEFINE_float(
    "difficulty", None, "From 0 to 1: how much pictures differ.",
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
    print(f"Drawn in {root}. Examine it with: nfs-reid check {root}")
