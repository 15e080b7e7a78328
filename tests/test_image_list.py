import pyarrow as pa
import pytest
from fake_embedder import write_images
from pyarrow import parquet

from nfs_keras.scale import image_list, list_images, read_image_list


def test_a_folder_is_listed_sorted_with_paths_below_it_as_ids(tmp_path):
    write_images(tmp_path, num_images=5)
    (tmp_path / "notes.txt").write_text("not a image")
    (tmp_path / "UPPER.JPG").write_bytes(b"x")
    table = list_images(tmp_path)
    ids = table["id"].to_pylist()
    assert ids == sorted(ids) and len(ids) == 6
    assert {"UPPER.JPG", "cam1/0003.png"} < set(ids)
    for row in table.to_pylist():
        assert row["path"] == str(tmp_path / row["id"])
        assert row["identity"] is row["camera"] is row["time"] is None


def test_a_trailing_slash_changes_nothing(tmp_path):
    write_images(tmp_path, num_images=3)
    assert list_images(f"{tmp_path}/") == list_images(tmp_path)


def test_a_parquet_list_keeps_what_is_known(tmp_path):
    columns = {
        "path": ["a.png", "b.png"],
        "camera": pa.array([3, None], "int8"),
    }
    parquet.write_table(pa.table(columns), tmp_path / "list.parquet")
    table = read_image_list(tmp_path / "list.parquet")
    assert table["id"].to_pylist() == ["a.png", "b.png"]
    assert table["camera"].to_pylist() == [3, None]
    assert table["identity"].null_count == 2


def test_an_empty_folder_raises(tmp_path):
    with pytest.raises(ValueError, match="which has none"):
        list_images(tmp_path)


@pytest.mark.parametrize("columns", [{"id": ["a"]}, {"path": ["a"], "x": [1]}])
def test_unknown_or_missing_columns_raise(columns):
    with pytest.raises(ValueError, match="An image list has `path`"):
        image_list(columns)


def test_a_repeated_id_raises():
    with pytest.raises(ValueError, match=r"1 repeated ids, such as \['a'\]"):
        image_list({"path": ["a", "b", "a"]})


def test_paths_are_absolute_and_ids_are_not(tmp_path, monkeypatch):
    write_images(tmp_path / "images", num_images=1)
    monkeypatch.chdir(tmp_path)
    row = {"path": ["images/cam0/0000.png"]}
    for table in (list_images("images"), image_list(row)):
        (path,) = table["path"].to_pylist()
        assert path == str(tmp_path / "images" / "cam0" / "0000.png")
    assert table["id"].to_pylist() == row["path"]
