import os

import pytest

from nfs_keras.synthetic import tree
from nfs_keras.synthetic.image import Recipe, Shot, render_image

RECIPE = Recipe("regdb", 0, (16, 16), 0.5)
SHOTS = [Shot(f"a/{i}.png", i, "visible", 1) for i in range(3)]
TEXTS = {"lists/all.txt": "a\n"}


def write(root, **options):
    options = {"recipe": RECIPE, "shots": SHOTS, "texts": TEXTS} | options
    return tree.write_tree(root, verbose=False, num_workers=1, **options)


def moments_of(root):
    return {file: file.stat().st_mtime_ns for file in root.rglob("*")}


def test_a_tree_holds_its_images_its_texts_and_its_recipe(tmp_path):
    root = write(tmp_path / "deep" / "down")
    files = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert files == {shot.path for shot in SHOTS} | {
        "lists/all.txt",
        "synthetic.json",
    }
    assert '"seed": 0' in (root / "synthetic.json").read_text()


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail_at_last(recipe, shot):
        if shot is SHOTS[-1]:
            raise KeyboardInterrupt
        return render_image(recipe, shot)

    monkeypatch.setattr(tree, "render_image", fail_at_last)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "people")
    assert os.listdir(tmp_path) == []


def test_a_complete_tree_is_not_rendered_again(tmp_path):
    root = write(tmp_path / "people")
    before = moments_of(root)
    write(root)
    assert moments_of(root) == before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "people").mkdir()
    assert (write(tmp_path / "people") / SHOTS[0].path).is_file()


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": RECIPE._replace(seed=1)},
        {"recipe": RECIPE._replace(difficulty=0.6)},
        {"shots": SHOTS[:2]},
        {"shots": [shot._replace(path=f"b{shot.path}") for shot in SHOTS]},
        {"texts": {"lists/all.txt": "b\n"}},
    ],
)
def test_a_folder_with_another_tree_is_left_alone(tmp_path, change):
    root = write(tmp_path / "people")
    before = moments_of(root)
    with pytest.raises(ValueError, match="folder of its own.*Received: root="):
        write(root, **change)
    assert moments_of(root) == before


def test_a_tree_that_lost_an_image_is_not_taken_for_complete(tmp_path):
    root = write(tmp_path / "people")
    (root / SHOTS[1].path).unlink()
    with pytest.raises(ValueError, match="Delete it"):
        write(root)


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="contains other files"):
        write(tmp_path)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_root_that_cannot_be_made_raises(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be writable.*Not a directory"):
        write(tmp_path / "file" / "people")


def test_a_root_that_is_a_file_raises(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="contains other files"):
        write(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_progress_counts_the_images_unless_it_is_silenced(tmp_path, capsys):
    tree.write_tree(tmp_path / "people", RECIPE, SHOTS, TEXTS, 1)
    assert "3/3" in capsys.readouterr().out
    write(tmp_path / "others")
    assert capsys.readouterr().out == ""
