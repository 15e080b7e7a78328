"""The public names, all of them: who changes one changes this list."""

import importlib
import inspect
import os
import subprocess
import sys

import pytest

import nfs_keras

PUBLIC = {
    "layers": {
        "ChannelSearch",
        "DualLevelSearch",
        "EmbeddingHead",
        "GeneralizedMeanPooling2D",
        "SearchGate",
        "SpatialSearch",
        "find_gates",
    },
    "losses": {
        "BatchHardTriplet",
        "ContrastiveLoss",
        "CrossModalityContrastive",
        "TripletHardLoss",
        "TripletSemiHardLoss",
        "WeightedRegularizedTriplet",
        "cross_modality_contrastive",
    },
    "evaluation": {
        "Calibration",
        "Cameras",
        "EvaluationRow",
        "EvaluationTable",
        "ImageEmbedder",
        "LLCM",
        "OperatingPoint",
        "PerQuery",
        "Protocol",
        "REGDB",
        "RetrievalMetrics",
        "SYSU_ALL_SEARCH",
        "SYSU_INDOOR_SEARCH",
        "calibrate",
        "confidence_intervals",
        "evaluate_llcm",
        "evaluate_regdb",
        "evaluate_sysu_mm01",
        "metrics_from_similarity",
        "rerank",
        "retrieval_metrics",
        "top_k",
    },
    "datasets": {
        "Augmentation",
        "FolderDataset",
        "IdentitySampler",
        "LLCM",
        "RegDB",
        "SYSUMM01",
        "Sample",
        "check_dataset",
        "decode_image",
        "fingerprint",
        "identity_labels",
        "image_dataset",
        "open_dataset",
        "resize_image",
        "split_by_identity",
        "split_by_image",
        "statistics",
        "synthesize_llcm",
        "synthesize_people",
        "synthesize_regdb",
        "synthesize_sysu_mm01",
        "training_dataset",
    },
    "backbones": {
        "Backbone",
        "NonLocalBlock",
        "Stage",
        "imagenet_resnet50",
        "keras_backbone",
        "make_cell",
        "resnet18",
        "resnet50",
        "tiny",
    },
    "callbacks": {
        "GateHistory",
        "HistoryLog",
        "ProgressLines",
        "RetrievalEvaluation",
        "TemperatureAnnealing",
        "TrainingCheckpoint",
        "WarmUp",
    },
    "models": {
        "Architecture",
        "Objective",
        "ReIDNetwork",
        "SearchModel",
        "TrainingModel",
        "compact",
        "count_flops",
        "diagnose",
        "discretisation_gap",
        "import_weights",
        "reid_network",
    },
    "serving": {
        "Batching",
        "Client",
        "MatchProbability",
        "RemoteEmbedder",
        "ServerError",
        "StandInServer",
        "export_litert",
        "export_onnx",
        "export_saved_model",
        "fit_match_probability",
        "verify_manifest",
    },
    "report": {
        "RankList",
        "Run",
        "embedding_map",
        "find_rank_lists",
        "plot_cmc",
        "plot_cost_accuracy",
        "plot_embedding_map",
        "plot_gate_movement",
        "plot_kept_channels",
        "plot_kept_pixels",
        "plot_learning_curves",
        "plot_rank_lists",
        "plot_search_curves",
        "plot_similarity_histogram",
        "summarize_run",
        "write_report",
        "write_tensorboard",
    },
    "scale": {
        "Embedder",
        "EmbeddingCounts",
        "Gallery",
        "GlobalBatchObjective",
        "Match",
        "ShardedSampler",
        "embed_folder",
        "embed_pictures",
        "format_matches",
        "index_embeddings",
        "list_pictures",
        "make_strategy",
        "model_version",
        "picture_list",
        "query_picture",
        "read_picture_list",
        "synchronize_batch_norm",
        "train_on_strategy",
    },
    "pipeline": {
        "RunFolder",
        "STAGES",
        "embed_test",
        "evaluate_embedded",
        "image_embedder",
        "run_pipeline",
        "run_trials",
    },
}

ROOMS = pytest.mark.parametrize("room", PUBLIC)


def public(module):
    """Maps the public names of a module to what they are."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }


@ROOMS
def test_a_room_shows_just_its_public_names(room):
    module = importlib.import_module(f"nfs_keras.{room}")
    assert set(public(module)) == PUBLIC[room]


@ROOMS
def test_public_names_are_documented(room):
    for name, value in public(
        importlib.import_module(f"nfs_keras.{room}")
    ).items():
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"`{name}` has no docstring"


@ROOMS
def test_the_door_leads_to_every_room(room):
    assert getattr(nfs_keras, room) is sys.modules[f"nfs_keras.{room}"]
    assert room in dir(nfs_keras)


def test_an_unknown_room_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'attic'"):
        _ = nfs_keras.attic


def run(code, **environment):
    """Runs code in a new process; gives the words that it printed."""
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ).stdout.split()


def test_the_import_is_light_and_knows_its_layers():
    """It adds to `import keras` no library, and no room that can wait."""
    loaded = run(
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        "import nfs_keras\n"
        "print(*set(sys.modules) - before)\n"
        "for name in ('DualLevelSearch', 'BatchHardTriplet'):\n"
        "    assert keras.saving.get_registered_object('nfs_keras>' + name)\n"
    )
    libraries = {name.split(".")[0] for name in loaded}
    assert libraries - set(sys.stdlib_module_names) == {"nfs_keras"}
    rooms = {name.split(".")[1] for name in loaded if "nfs_keras." in name}
    assert rooms == {"layers", "losses", "ops"}


def test_layers_and_losses_need_no_tensorflow():
    run(
        "import sys\n"
        "sys.modules['tensorflow'] = None\n"
        "import nfs_keras\n"
        "nfs_keras.layers.DualLevelSearch().build((None, 4, 3, 8))\n",
        KERAS_BACKEND="jax",
    )


def test_every_room_opens_without_the_extras():
    extras = (
        "jax jinja2 matplotlib milvus_lite onnx onnxruntime pandas pyarrow "
        "pymilvus ray sklearn tensorboard tensorflow_serving tf2onnx torch"
    )
    run(
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({extras.split()}))\n"
        "import nfs_keras\n"
        f"for room in {sorted(PUBLIC)}:\n"
        "    getattr(nfs_keras, room)\n"
    )
