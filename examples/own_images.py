"""From visible and infrared images of your own to a network that finds people.

    python examples/own_images.py --data=my_images
    python examples/own_images.py --smoke   # synthetic images in that layout

`my_images` holds visible/PERSON/*.jpg and infrared/PERSON/*.jpg, or a CSV file
with the columns path, identity and modality. docs/own_images.md leads from here
to a served model.
"""

import pathlib
import tempfile

from absl import app, flags

from nfs_keras.cli import run
from nfs_keras.datasets import open_dataset
from nfs_keras.pipeline import run_pipeline
from nfs_keras.presets import Demo
from nfs_keras.synthetic import synthesize_regdb

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "Your images.")
flags.DEFINE_string("output", "runs/own_images", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def make_images(folder):
    """Writes synthetic images as a user might have them, all or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        root = synthesize_regdb(scratch + "/regdb", 24, 4, verbose=False)
        images = pathlib.Path(scratch, "images")
        images.mkdir()
        for theirs, ours in (("Visible", "visible"), ("Thermal", "infrared")):
            pathlib.Path(root, theirs).rename(images / ours)
        images.rename(folder)


def main(_):
    data, preset = FLAGS.data, Demo()
    if FLAGS.smoke:
        preset = preset.smoke()
        data = pathlib.Path("data/own_images_smoke")
        if not data.exists():
            make_images(data)
    if not data:
        raise app.UsageError("Give --data, the folder of your images.")
    # The images are checked first: what is wrong is listed.
    finished = run_pipeline(
        FLAGS.output, open_dataset(data), preset, FLAGS.seed
    )
    print(f"Open {finished / 'report.html'} in a browser.")


if __name__ == "__main__":
    run(main)
