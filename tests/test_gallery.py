import contextlib

import numpy as np
import pytest
from milvus_lite.adapter.grpc.server import start_server_in_thread
from programs import run

from nfs_keras.scale import Gallery
from nfs_keras.scale.gallery import broken_indexes

DIM = 8
IDS = [f"{number}.png" for number in range(60)]
CAMERAS = [number % 6 for number in range(60)]
TIMES = [None if number % 10 == 0 else 1000 + number for number in range(60)]
MODALITIES = ["visible" if camera < 4 else "infrared" for camera in CAMERAS]


@pytest.fixture(scope="module")
def embeddings():
    vectors = np.random.default_rng(0).normal(size=(60, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype("float32")


@contextlib.contextmanager
def opened(kind, directory):
    """An empty gallery, in a file or behind an address."""
    if kind == "file":
        with Gallery(directory / "people.db") as gallery:
            yield gallery
        return
    server, database, port = start_server_in_thread(str(directory / "data"))
    with Gallery(f"http://127.0.0.1:{port}") as gallery:
        yield gallery
    server.stop(grace=0).wait()
    database.close()


def fill(gallery, embeddings):
    gallery.add(IDS, embeddings, "v1", MODALITIES, camera=CAMERAS, time=TIMES)


@pytest.fixture(params=["file", "server"])
def gallery(request, tmp_path):
    with opened(request.param, tmp_path) as gallery:
        yield gallery


@pytest.fixture(scope="module", params=["file", "server"])
def filled(request, tmp_path_factory, embeddings):
    """A gallery that tests only read."""
    with opened(request.param, tmp_path_factory.mktemp("data")) as gallery:
        fill(gallery, embeddings)
        yield gallery


def exact(probe, embeddings, keep):
    """Ids by falling similarity, among the rows to keep."""
    rows = np.flatnonzero(keep)
    return [IDS[row] for row in rows[np.argsort(-(embeddings[rows] @ probe))]]


def test_a_search_finds_what_comparing_with_everything_finds(
    filled, embeddings
):
    matches = filled.search(embeddings[:5], "v1", top=7)
    for probe, found in zip(embeddings[:5], matches, strict=True):
        expected = exact(probe, embeddings, np.ones(60, bool))[:7]
        assert [match.id for match in found] == expected
        rows = [IDS.index(match.id) for match in found]
        similarities = [match.similarity for match in found]
        np.testing.assert_allclose(
            similarities, embeddings[rows] @ probe, atol=1e-5
        )


def test_a_match_has_the_columns_of_the_image(filled, embeddings):
    ((match,),) = filled.search(embeddings[13:14], "v1", top=1)
    assert (match.id, match.camera, match.time) == ("13.png", 1, 1013)
    assert match.modality == "visible" and match.identity is None


@pytest.mark.parametrize(
    "where, keep",
    [
        ({"camera": [1, 5]}, lambda n: n % 6 in (1, 5)),
        ({"modality": "infrared"}, lambda n: n % 6 >= 4),
        ({"since": 1015, "until": 1040}, lambda n: 15 <= n < 40 and n % 10),
        ({"camera": 2, "since": 1030}, lambda n: n in (32, 38, 44, 56)),
    ],
)
def test_filters_hold_in_searches_and_counts(filled, embeddings, where, keep):
    keep = [bool(keep(number)) for number in range(60)]
    expected = exact(embeddings[0], embeddings, keep)
    (found,) = filled.search(embeddings[:1], "v1", top=60, **where)
    assert [match.id for match in found] == expected
    assert filled.count(**where) == len(expected)


def test_adding_an_id_again_replaces_it_whole(gallery, embeddings):
    fill(gallery, embeddings)
    gallery.add(["13.png"], -embeddings[13:14], "v1", "infrared")
    assert gallery.count() == 60
    ((match,),) = gallery.search(-embeddings[13:14], "v1", top=1)
    assert match.id == "13.png" and match.modality == "infrared"
    assert match.camera is match.time is None


def test_deleted_images_are_gone_and_unknown_ids_are_ignored(
    gallery, embeddings
):
    fill(gallery, embeddings)
    gallery.delete(["13.png", "unknown.png"])
    assert gallery.count() == 59
    (found,) = gallery.search(embeddings[13:14], "v1", top=60)
    assert "13.png" not in [match.id for match in found]


def test_an_empty_gallery_answers_emptily(gallery, embeddings):
    assert gallery.count() == 0
    assert gallery.search(embeddings[:2], "v1") == [[], []]
    gallery.delete(["a"])
    gallery.add([], embeddings[:0], "v1", "visible")
    assert gallery.model_version is None


def test_more_rows_than_fit_in_one_call_all_arrive(gallery, monkeypatch):
    monkeypatch.setattr("nfs_keras.scale.gallery.CALL_BYTES", 10_000)
    monkeypatch.setattr("nfs_keras.scale.gallery.SEARCHED_AT_ONCE", 7)
    monkeypatch.setattr("nfs_keras.scale.gallery.DELETED_AT_ONCE", 7)
    vectors = np.eye(DIM, dtype="float32")[np.arange(60) % DIM]
    gallery.add(IDS, vectors, "v1", "visible")
    assert gallery.count() == 60
    assert len(gallery.search(vectors, "v1", top=1)) == 60
    gallery.delete(IDS[:50])
    assert gallery.count() == 10


def error_of(call):
    with pytest.raises(ValueError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_models_embeddings_raise(filled, embeddings):
    one = embeddings[:1]
    message = error_of(lambda: filled.search(one, "v2"))
    assert "model_version='v2', but this gallery holds 'v1'" in message
    error_of(lambda: filled.add(["new"], one, "v2", "visible"))
    assert filled.count() == 60


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ids": ["a", "b", "a"]}, "1 repeated ids, such as 'a'"),
        ({"ids": ["a", "b", ""]}, "An id is a string of 1 to 1024 bytes"),
        ({"ids": ["a", "b", "c" * 1025]}, "An id is a string of 1 to"),
        ({"ids": ["a", "b"]}, r"need the shape (2, 8)"),
        ({"embeddings": np.ones((3, 4))}, "need the shape (3, 8)"),
        ({"embeddings": np.zeros((3, 8))}, "must be finite and not zero"),
        ({"embeddings": np.full((3, 8), np.nan)}, "must be finite"),
        ({"model_version": ""}, "A model version is a string"),
        ({"modality": "thermal"}, "Received: modality='thermal'"),
        ({"camera": [1, 2]}, "`camera` needs one value for each of the 3"),
        ({"camera": [1, 2, "3"]}, "Received: camera='3'"),
        ({"time": 1.5}, "Received: time=1.5"),
        ({"checksum": ["short"] * 3}, "64 hexadecimal digits"),
    ],
)
def test_a_wrong_row_keeps_all_rows_out(filled, embeddings, change, message):
    arguments = {
        "ids": ["a", "b", "c"],
        "embeddings": embeddings[:3],
        "model_version": "v1",
        "modality": "visible",
    }
    assert message in error_of(lambda: filled.add(**{**arguments, **change}))
    assert filled.count() == 60


def test_wrong_searches_raise(filled, embeddings):
    one = embeddings[:1]
    assert "filtered by" in error_of(lambda: filled.search(one, "v1", colour=1))
    assert "(N, 8)" in error_of(lambda: filled.search(one[:, :3], "v1"))
    assert "top=0" in error_of(lambda: filled.search(one, "v1", top=0))


@pytest.mark.parametrize("uri", ["people", "ftp://host", "missing/people.db"])
def test_what_is_no_address_raises(uri):
    assert f"Received: uri={uri!r}" in error_of(lambda: Gallery(uri))


def test_an_unknown_index_raises(tmp_path):
    path = tmp_path / "people.db"
    assert "['FLAT', 'HNSW']" in error_of(lambda: Gallery(path, index="IVF"))


def test_a_graph_finds_the_same(tmp_path, embeddings):
    with Gallery(tmp_path / "people.db", index="HNSW") as gallery:
        gallery.add(IDS, embeddings, "v1", MODALITIES)
    with Gallery(tmp_path / "people.db") as gallery:
        (found,) = gallery.search(embeddings[:1], "v1", top=5)
    expected = exact(embeddings[0], embeddings, np.ones(60, bool))[:5]
    assert [match.id for match in found] == expected


def test_a_file_remembers_its_rows_and_model(tmp_path, embeddings):
    path = tmp_path / "people.db"
    with Gallery(path) as gallery:
        gallery.add(IDS, embeddings, "v1", MODALITIES)
    with Gallery(path) as gallery:
        assert (gallery.model_version, gallery.dim) == ("v1", DIM)
        assert gallery.count() == 60
        error_of(lambda: gallery.search(embeddings[:1], "v2"))


def test_a_half_written_index_is_built_anew(tmp_path, embeddings):
    path = tmp_path / "people.db"
    with Gallery(path) as gallery:
        gallery.add(IDS, embeddings, "v1", MODALITIES)
    (index,) = path.rglob("*.idx")
    index.write_bytes(index.read_bytes()[:100])
    with Gallery(path) as gallery:
        ((match,),) = gallery.search(embeddings[9:10], "v1", top=1)
    assert match.id == "9.png"


def test_an_index_is_kept_where_something_else_is_broken(tmp_path, embeddings):
    path = tmp_path / "people.db"
    with Gallery(path) as gallery:
        gallery.add(IDS, embeddings, "v1", MODALITIES)
    (index,), (rows,) = path.rglob("*.idx"), path.rglob("*.parquet")
    rows.write_bytes(b"half")
    with pytest.raises(ConnectionError, match="Parquet"):
        Gallery(path)
    assert index.exists()


def test_a_broken_graph_is_seen_too(tmp_path, embeddings):
    path = tmp_path / "people.db"
    with Gallery(path, index="HNSW") as gallery:
        gallery.add(IDS, embeddings, "v1", MODALITIES)
    (index,) = path.rglob("*.idx")
    assert broken_indexes(str(path), "people") == []
    index.write_bytes(index.read_bytes()[:100])
    assert broken_indexes(str(path), "people") == [index]


def test_a_gallery_opened_before_anothers_first_add_sees_it(
    tmp_path, embeddings
):
    server, database, port = start_server_in_thread(str(tmp_path / "data"))
    address = f"http://127.0.0.1:{port}"
    with Gallery(address) as early, Gallery(address) as other:
        fill(other, embeddings)
        assert early.count() == 60 and early.model_version == "v1"
        error_of(lambda: early.add(["new"], embeddings[:1], "v2", "visible"))
        ((match,),) = early.search(embeddings[9:10], "v1", top=1)
        assert match.id == "9.png"
    server.stop(grace=0).wait()
    database.close()


def test_a_call_asks_for_no_more_than_a_server_sends(
    filled, embeddings, monkeypatch
):
    monkeypatch.setattr("nfs_keras.scale.gallery.MATCHES_AT_ONCE", 100)
    sizes, search = [], filled._client.search

    def spy(*arguments, **options):
        sizes.append(len(options["data"]) * options["limit"])
        return search(*arguments, **options)

    monkeypatch.setattr(filled._client, "search", spy)
    assert len(filled.search(embeddings, "v1", top=40)) == 60
    assert max(sizes) <= 100 and len(sizes) == 30


def test_another_collection_of_the_server_is_no_gallery(tmp_path):
    path = tmp_path / "people.db"
    with Gallery(path) as gallery:
        gallery._client.create_collection("other", dimension=4)
        with pytest.raises(ValueError, match="Choose another collection"):
            Gallery(path, name="other")


def test_a_server_that_is_away_is_one_clear_line(capfd):
    with pytest.raises(ConnectionError) as caught:
        Gallery("http://127.0.0.1:1", timeout=1)
    assert "uri='http://127.0.0.1:1'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_server_that_goes_away_is_one_clear_line(tmp_path, embeddings, capfd):
    server, database, port = start_server_in_thread(str(tmp_path / "data"))
    gallery = Gallery(f"http://127.0.0.1:{port}", timeout=1)
    gallery.add(IDS, embeddings, "v1", MODALITIES)
    server.stop(grace=0).wait()
    database.close()
    for call in (
        lambda: gallery.search(embeddings[:1], "v1"),
        lambda: gallery.add(IDS, embeddings, "v1", MODALITIES),
        gallery.count,
    ):
        with pytest.raises(ConnectionError) as caught:
            call()
        assert "\n" not in str(caught.value)
    gallery.close()
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_that_forgets_to_close_keeps_its_rows_and_is_quiet(tmp_path):
    path = tmp_path / "people.db"
    program = (
        "import warnings; warnings.simplefilter('error');"
        "import numpy as np; from nfs_keras.scale.gallery import Gallery;"
        f"gallery = Gallery({str(path)!r});"
        "gallery.add(['a'], np.ones((1, 4)), 'v1', 'visible')"
    )
    result = run(["-c", program], check=True)
    assert "Traceback" not in result.stderr and "pymilvus" not in result.stderr
    with Gallery(path) as gallery:
        assert gallery.count() == 1
