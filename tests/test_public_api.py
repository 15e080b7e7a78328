"""The public names, all of them: who changes one changes this list."""

import importlib
import inspect
import pickle
import sys

import pytest
from programs import run, run_anew

import nfs_keras
from nfs_keras.scale import Embedder

PUBLIC = {
    "layers": {
        "ChannelSearch",
        "DualLevelSearch",
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
        "Search",
        "calibrate",
        "calibrate_searches",
        "check_protocol",
        "confidence_intervals",
        "evaluate",
        "evaluate_llcm",
        "evaluate_regdb",
        "evaluate_sysu_mm01",
        "labelled_pairs",
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
        "Reader",
        "RegDB",
        "SYSUMM01",
        "Sample",
        "check_dataset",
        "check_unseen",
        "decode_image",
        "fingerprint",
        "identity_labels",
        "image_dataset",
        "open_dataset",
        "resize_image",
        "split_as_trained",
        "split_by_identity",
        "split_by_image",
        "statistics",
        "synthesize_llcm",
        "synthesize_people",
        "synthesize_regdb",
        "synthesize_sysu_mm01",
        "trained_people",
        "training_dataset",
    },
    "synthetic": {
        "synthesize_llcm",
        "synthesize_people",
        "synthesize_regdb",
        "synthesize_sysu_mm01",
    },
    "search": {
        "Architecture",
        "ChannelWise",
        "Rule",
        "add_gates",
        "compact",
        "count_flops",
        "named_gates",
        "register_rule",
        "search_space_summary",
    },
    "reid": {
        "Backbone",
        "FusedBatchNorm",
        "NonLocal",
        "Objective",
        "ReIDNetwork",
        "import_weights",
        "keras_backbone",
        "reid_network",
    },
    "callbacks": {
        "ChanceWarning",
        "GateHistory",
        "HistoryLog",
        "ProgressLines",
        "RetrievalEvaluation",
        "SearchPhases",
        "TemperatureAnnealing",
        "TrainingCheckpoint",
    },
    "models": {
        "Architecture",
        "ChannelWise",
        "Objective",
        "ReIDNetwork",
        "Rule",
        "SearchModel",
        "TrainingModel",
        "add_gates",
        "compact",
        "count_flops",
        "diagnose",
        "discretisation_gap",
        "import_weights",
        "keras_backbone",
        "named_gates",
        "register_rule",
        "reid_network",
        "search_space_summary",
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
    "distribute": {
        "GlobalBatchObjective",
        "ShardedSampler",
        "make_strategy",
        "synchronize_batch_norm",
        "train_on_strategy",
    },
    "scale": {
        "Embedder",
        "EmbeddingCounts",
        "Gallery",
        "IndexCounts",
        "Match",
        "embed_folder",
        "embed_images",
        "format_matches",
        "index_embeddings",
        "list_images",
        "model_version",
        "image_list",
        "query_image",
        "read_image_list",
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

PACKAGES = pytest.mark.parametrize("package", PUBLIC)


def public(module):
    """Maps the public names of a module to their values."""
    return {
        name: getattr(module, name)
        for name in dir(module)
        if not name.startswith("_")
        and not inspect.ismodule(getattr(module, name))
    }


@PACKAGES
def test_a_package_has_only_its_public_names(package):
    module = importlib.import_module(f"nfs_keras.{package}")
    assert set(public(module)) == PUBLIC[package]


@PACKAGES
def test_public_names_are_documented(package):
    for name, value in public(
        importlib.import_module(f"nfs_keras.{package}")
    ).items():
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"`{name}` has no docstring"


@PACKAGES
def test_every_package_is_an_attribute_of_nfs_keras(package):
    assert getattr(nfs_keras, package) is sys.modules[f"nfs_keras.{package}"]
    assert package in dir(nfs_keras)


def test_an_unknown_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        _ = nfs_keras.unknown


def test_the_import_is_light_and_knows_its_layers():
    """It adds to `import keras` no library, and only the packages it needs."""
    code = (
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        "import nfs_keras\n"
        "print(*set(sys.modules) - before)\n"
        "for name in ('DualLevelSearch', 'BatchHardTriplet'):\n"
        "    assert keras.saving.get_registered_object('nfs_keras>' + name)\n"
    )
    loaded = run(["-c", code], check=True).stdout.split()
    libraries = {name.split(".")[0] for name in loaded}
    assert libraries - set(sys.stdlib_module_names) == {"nfs_keras"}
    packages = {name.split(".")[1] for name in loaded if "nfs_keras." in name}
    assert packages == {"layers", "losses", "ops"}


def test_layers_and_losses_need_no_tensorflow():
    code = (
        "import sys\n"
        "sys.modules['tensorflow'] = None\n"
        "import nfs_keras\n"
        "nfs_keras.layers.DualLevelSearch().build((None, 4, 3, 8))\n"
    )
    ended = run_anew(["-c", code], KERAS_BACKEND="jax")
    assert ended.returncode == 0, ended.stderr


def test_a_worker_receives_an_embedder_without_tensorflow_or_keras(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    sent = pickle.dumps(Embedder(tmp_path, "visible"))
    code = (
        "import pickle, sys\n"
        "import nfs_keras.scale\n"
        f"assert pickle.loads({sent!r}).modality == 'visible'\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    ended = run_anew(["-c", code])
    assert ended.returncode == 0, ended.stderr


def test_every_package_is_imported_without_the_extras_and_changes_nothing():
    extras = (
        "jax jinja2 matplotlib milvus_lite onnx onnxruntime pandas pyarrow "
        "pymilvus ray sklearn tensorboard tensorflow_serving tf2onnx torch"
    )
    code = (
        "import signal, sys\n"
        f"sys.modules.update(dict.fromkeys({extras.split()}))\n"
        "def state():\n"
        "    signals = map(signal.getsignal, signal.valid_signals())\n"
        "    streams = (sys.stdin, sys.stdout, sys.stderr)\n"
        "    hooks = (sys.excepthook, sys.unraisablehook)\n"
        "    return [*signals, *streams, *hooks]\n"
        "before = state()\n"
        "import nfs_keras\n"
        f"for package in {sorted(PUBLIC)}:\n"
        "    getattr(nfs_keras, package)\n"
        "assert state() == before\n"
    )
    run(["-c", code], check=True)
