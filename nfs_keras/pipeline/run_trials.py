"""Runs the pipeline on every trial, as of RegDB, and averages the scores."""

import json
import pathlib

import numpy as np

from nfs_keras.evaluation.search import check_search, list_searches
from nfs_keras.files import replace_file
from nfs_keras.pipeline.check_run import check_arguments
from nfs_keras.pipeline.run_pipeline import run_pipeline
from nfs_keras.pipeline.scoring import describe_scores, evaluate_embedded
from nfs_keras.report import write_report
from nfs_keras.report.comparison import format_results
from nfs_keras.run_folder import NETWORKS

COSTS = ("flops", "parameters", "images_per_second", "cpu_seconds")


def run_trials(
    output,
    dataset,
    preset,
    seed=0,
    search="dual",
    trials=None,
    retrain=False,
):
    """Trains and tests on several trials of RegDB, each in a run of its own.

    Args:
        output: Folder of the runs `trial01`, `trial02` and so on. It receives
            `metrics.json` and `metrics.md`, means and deviations over the
            trials, and `report.html`, the runs side by side.
        dataset: A reader with `trials` to train on, such as `RegDB`, or one
            of your own with the option `trial`.
        preset: As for `run_pipeline`.
        seed: As for `run_pipeline`, the same in every trial.
        search: As for `run_pipeline`.
        trials: Trial numbers. Defaults to all of the dataset.
        retrain: As for `run_pipeline`.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: If the dataset has no trials, or as for `run_pipeline`.
    """
    check_arguments(output, dataset, search)
    if not dataset.trials:
        raise ValueError(
            "`run_trials` needs a dataset with trials to train on. "
            f"Received: {dataset!r}, which has none. "
            "Run it once, with `run_pipeline`: an evaluation averages over "
            "sampled galleries by itself."
        )
    trials = tuple(trials or dataset.trials)
    for task in list_searches(dataset, trials=trials):
        check_search(task, dataset.ranks)
    output = pathlib.Path(output)
    runs = {}
    for trial in trials:
        print(f"=== Trial {trial}", flush=True)
        folder = output / f"trial{trial:02d}"
        reader = dataset.at_trial(trial)
        runs[trial] = run_pipeline(
            folder, reader, preset, seed, search, retrain=retrain
        )
    rows, tables = [], []
    for name in NETWORKS:
        embedded = {t: r.load_embeddings(name) for t, r in runs.items()}
        table = evaluate_embedded(embedded, dataset)
        costs = mean_costs(name, runs.values())
        rows.append({"name": name, **describe_scores(table), **costs})
        tables.append(f"## {name}\n\n{table.markdown()}")
    with replace_file(output / "metrics.json", "w") as file:
        json.dump({"rows": rows}, file, indent=2)
    with replace_file(output / "metrics.md", "w") as file:
        file.write("\n".join(tables))
    write_report([run.path for run in runs.values()], output / "report.html")
    results = format_results(rows, dataset.synthetic)
    print(f"=== {len(runs)} trials\n{results}", flush=True)
    return output


def mean_costs(name, runs):
    """Averages the costs of a network, whose features differ by trial."""
    metrics = [run.read_json("metrics.json")["rows"] for run in runs]
    rows = [row for rows in metrics for row in rows if row["name"] == name]
    return {cost: float(np.mean([row[cost] for row in rows])) for cost in COSTS}
