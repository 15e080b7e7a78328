"""All trials of RegDB: what is averaged, over runs that trained nothing."""

import importlib
import json

import numpy as np
import pytest

from nfs_keras.datasets import RegDB
from nfs_keras.evaluation import retrieval_metrics
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.pipeline import RunFolder, run_trials
from nfs_keras.pipeline.scoring import evaluate_embedded
from nfs_keras.presets import Demo
from nfs_keras.run_folder import NETWORKS

TRIALS = range(1, 11)


def embeddings(samples, trial, name):
    """Random embeddings of the test images, around those of their people."""
    rng = np.random.default_rng([trial, len(name)])
    identity = np.array([sample.identity for sample in samples])
    vectors = rng.normal(size=(identity.max() + 1, 8))[identity]
    vectors = vectors + 2 * rng.normal(size=vectors.shape)
    return {
        "path": np.array([sample.path for sample in samples]),
        "identity": identity,
        "camera": np.array([sample.camera for sample in samples]),
        "modality": np.array([sample.modality for sample in samples]),
        "embedding": vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    }


def pretend(output, dataset, preset, seed, search, retrain):
    """Leaves what `run_pipeline` would."""
    data = {"name": "regdb", **dataset.options}
    with RunFolder(output, {}, dataset=data) as run:
        return fill(run, dataset)


def fill(run, dataset):
    """Writes what a run has found."""
    trial = dataset.options["trial"]
    (run / "embeddings").mkdir()
    for name in NETWORKS:
        arrays = embeddings(dataset.test, trial, name)
        np.savez(run / f"embeddings/{name}.npz", **arrays)
    costs = {"flops": trial, "parameters": 7, "images_per_second": 100 * trial}
    costs["cpu_seconds"] = 60.0 * trial
    run.write_json(
        "metrics.json", {"rows": [{"name": name, **costs} for name in NETWORKS]}
    )
    return run


@pytest.fixture(scope="module")
def trials(smoke_data, tmp_path_factory):
    """The folder of ten trials, its rows, and the arguments of the report."""
    folder, reported = tmp_path_factory.mktemp("trials") / "all", []
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("nfs_keras.pipeline.run_trials")
        patch.setattr(module, "run_pipeline", pretend)
        patch.setattr(module, "write_report", lambda *how: reported.append(how))
        assert run_trials(folder, RegDB(smoke_data), Demo()) == folder
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    return folder, {row["name"]: row for row in rows}, reported


def scores_of_trials(data, name, direction):
    """R-1 and mAP of each trial, straight from its embeddings."""
    scores = []
    for trial in TRIALS:
        own = embeddings(RegDB(data, trial=trial).test, trial, name)
        sides = [own["modality"] == side for side in DIRECTIONS[direction]]
        metrics = retrieval_metrics(
            *(own["embedding"][side] for side in sides),
            *(own["identity"][side] for side in sides),
        ).percent()
        scores.append([metrics["rank1"], metrics["mean_ap"]])
    return np.array(scores)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_scores_are_mean_and_deviation_over_trials(
    name, direction, trials, smoke_data
):
    _, rows, _ = trials
    scores = scores_of_trials(smoke_data, name, direction)
    assert scores.std(axis=0).min() > 0
    means, keys = rows[name][direction], ("rank1", "mean_ap")
    np.testing.assert_allclose([means[k] for k in keys], scores.mean(axis=0))
    np.testing.assert_allclose(
        [means["deviation"][k] for k in keys], scores.std(axis=0, ddof=1)
    )


def test_costs_are_means(trials):
    _, rows, _ = trials
    assert rows["baseline"]["flops"] == 5.5
    assert rows["baseline"]["images_per_second"] == 550


def test_the_table_names_trials_and_synthetic_people(trials):
    folder, _, _ = trials
    table = (folder / "metrics.md").read_text()
    assert table.count("1, 2, 3, 4, 5, 6, 7, 8, 9, 10") == 6
    assert table.count("±") > 0
    assert table.count("Synthetic people") == 3


def test_all_runs_stand_on_one_page(trials):
    folder, _, ((runs, page),) = trials
    assert page == folder / "report.html"
    assert runs == [folder / f"trial{trial:02d}" for trial in TRIALS]


def test_other_datasets_have_no_trials_to_train_on(smoke_data, tmp_path):
    dataset = RegDB(smoke_data)
    dataset.trials = ()
    with pytest.raises(ValueError, match="needs a dataset with trials"):
        run_trials(tmp_path, dataset, Demo())


def test_what_cannot_be_scored_raises_before_the_first_training(
    smoke_data, tmp_path
):
    class Narrow(RegDB):
        def searches(self, queries=()):
            return super().searches(queries)

    with pytest.raises(ValueError, match=r"searches of RegDB take.*'trials'"):
        run_trials(tmp_path / "all", Narrow(smoke_data), Demo())
    assert not (tmp_path / "all").exists()


def test_the_data_may_be_spelled_in_another_way(smoke_data, tmp_path):
    (tmp_path / "link").symlink_to(smoke_data)
    embedded = embeddings(RegDB(smoke_data, trial=2).test, 2, "baseline")
    one, other = (
        evaluate_embedded({2: embedded}, RegDB(root, trial=2))
        for root in (smoke_data, tmp_path / "link")
    )
    assert one.rows[0].mean == other.rows[0].mean
