import pytest
from fake_embedder import FakeEmbedder, write_images

from nfs_keras.scale import (
    Gallery,
    Match,
    embed_folder,
    format_matches,
    index_embeddings,
    query_image,
)


def test_an_image_of_the_gallery_finds_itself_first(tmp_path):
    folder = write_images(tmp_path / "images", num_images=20)
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), verbose=0)
    image = folder / "cam1" / "0007.png"
    with Gallery(tmp_path / "people.db") as gallery:
        index_embeddings(gallery, tmp_path / "out", verbose=0)
        matches = query_image(gallery, FakeEmbedder(), image, top=3)
        none = query_image(gallery, FakeEmbedder(), image, camera=1)
        (folder / "broken.png").write_bytes(b"broken")
        with pytest.raises(ValueError, match=r"broken.png', which cannot"):
            query_image(gallery, FakeEmbedder(), folder / "broken.png")
    assert len(matches) == 3 and matches[0].id == "cam1/0007.png"
    assert matches[0].similarity == pytest.approx(1.0, abs=1e-6)
    assert none == []  # the camera of these images is not known


def test_a_rank_list_prints_rank_similarity_camera_and_id():
    matches = [
        Match("a.png", 0.91234, 7, 3, None, "visible"),
        Match("b.png", -0.5, None, None, None, "visible"),
    ]
    assert format_matches(matches).splitlines() == [
        "rank  similarity  camera  id",
        "   1      0.9123       3  a.png",
        "   2     -0.5000       -  b.png",
    ]
