import pathlib
import runpy

import cv2
from fake_run import write_run_folder

SCRIPT = pathlib.Path(__file__).parents[1] / "docs" / "draw_figures.py"


def test_the_figures_of_the_documentation_are_plotted(tmp_path):
    run = write_run_folder(tmp_path / "run", 6, 3)
    runpy.run_path(str(SCRIPT))["main"](run, tmp_path / "images")
    for name in ("kept_pixels", "gate_movement", "rank_lists"):
        image = cv2.imread(str(tmp_path / "images" / f"{name}.png"))
        assert image.std() > 10
