"""What a search step costs, and how fast the networks are that it is about.

    python -m benchmarks.search            # some 20 minutes on two cores
    python -m benchmarks.search --smoke    # numbers without meaning
    python -m benchmarks.search --only compact

Four comparisons, each measured in turn in one process:

- `steps`: a weight step, an architecture step and a whole search step (both)
  against a training step of the same network without gates. The gates' batch
  is half as large, as in the presets: their step needs a forward pass and one
  backward pass through activations, about a third of a training step;
- `norm`: batch normalisation of ResNet-50's widest maps, forward and back, by
  Keras against ours;
- `agw`: a training step and inference of AGW (ResNet-50 with non-local blocks,
  images of 288 x 144, batch 32) against the same network in PyTorch, written
  from the recipe, in float32 and in bfloat16 (Keras' `mixed_bfloat16`,
  PyTorch's autocast); PyTorch with `channels_last`, with and without
  `torch.compile`, whichever is faster; without PyTorch it is left out;
- `compact`: inference of a network whose gates close the same half of the
  channels for both modalities, behind the stages alone or inside the blocks
  too, against the same network compacted.

Ratios are theirs against ours in seconds, so throughput ours against theirs,
but for `steps`. `--only` keeps what `search.json` holds of the others, and
`--short` leaves out nothing: five pairs are the least.
"""

import functools
import importlib.util
import json
import tempfile
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measure import (
    RESULTS,
    figure,
    options_parser,
    product_rate,
    ratio_of,
    take_turns,
    write_results,
)
from nfs_keras.losses import WeightedRegularizedTriplet
from nfs_keras.models import (
    Architecture,
    Objective,
    SearchModel,
    TrainingModel,
    compact,
    count_flops,
    named_gates,
    reid_network,
)
from nfs_keras.reid import Backbone, FusedBatchNorm
from nfs_keras.reid.backbones import grow_residual, make_stem
from nfs_keras.serving import export_saved_model

NUM_IDENTITIES = 206
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


class Case(NamedTuple):
    """A network and what it is given."""

    backbone: str
    image_shape: tuple
    batch_size: int  # of both modalities together


STEPS = Case("resnet50", (144, 72, 3), 16)
AGW = Case("agw", (288, 144, 3), 32)
COMPACT = (
    Case("tiny", (96, 48, 3), 64),
    Case("resnet18", (288, 144, 3), 16),
    Case("resnet50", (288, 144, 3), 8),
)
NORM = Case("norm", (72, 36, 256), 32)
SMALL = Case("small", (32, 16, 3), 16)


def small():
    """One shared block, quick to trace."""
    block = {"filters": 8, "inner": 8, "project": True}
    return Backbone(
        functools.partial(make_stem, filters=8, kernel_size=3, pool=False),
        functools.partial(grow_residual, stages=[[block]]),
    )


def make_network(case, search=None, dtype="float32", inner=False):
    """Makes a network, in a policy of Keras."""
    backbone = small() if case.backbone == "small" else case.backbone
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        shape = case.image_shape
        return reid_network(
            backbone, shape, NUM_IDENTITIES, search, inner=inner
        )
    finally:
        keras.config.set_dtype_policy(before)


def make_batch(case, each=4):
    """Random images, `each` of each person and modality."""
    generator = np.random.default_rng(0)
    half = case.batch_size // 2
    images = {
        name: generator.uniform(0, 255, (half, *case.image_shape))
        for name in ("visible", "infrared")
    }
    images = {k: v.astype("float32") for k, v in images.items()}
    people = np.arange(half, dtype="int32") // each
    labels = {name: people for name in images}
    return tf.nest.map_structure(tf.constant, (images, labels))


def sgd():
    return keras.optimizers.SGD(
        0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
    )


def objective():
    return Objective(triplet_loss=WeightedRegularizedTriplet())


def compiled(function, *arguments):
    """Traces a function and runs it once; gives the call that waits for it."""
    traced = tf.function(function)

    def call():
        return tf.nest.map_structure(np.asarray, traced(*arguments))

    call()
    return call


def training_step(case, dtype="float32"):
    model = TrainingModel(make_network(case, dtype=dtype))
    model.compile(sgd(), objective())
    return compiled(model.train_step, make_batch(case))


def compare_steps(case, pairs):
    """The parts of a search step against a step without gates."""
    plain = training_step(case)
    model = SearchModel(make_network(case, "dual"))
    model.compile(
        sgd(),
        keras.optimizers.Adam(0.1),
        objective(),
        arch_loss=Objective(identity=0.0, contrast=1.0),
    )
    batch = make_batch(case)
    half = case._replace(batch_size=case.batch_size // 2)
    proxy = make_batch(half, each=1)
    steps = {
        "weight step": (model.descend_weights, batch),
        "architecture step": (model.descend_gates, batch, proxy),
        "search step": (model.train_step, (batch, proxy)),
    }
    calls = {name: compiled(*step) for name, step in steps.items()}
    seconds = take_turns({**calls, "plain": plain}, pairs)
    return {
        f"{case.backbone}, {name} against a step without gates": ratio_of(
            seconds[name] / seconds["plain"],
            1.5 if name == "search step" else None,
            better="lower",
        )
        for name in steps
    }, {}


def compare_norm(case, pairs):
    """Forward and back through a batch norm of feature maps."""
    shape = (case.batch_size, *case.image_shape)
    maps = tf.constant(np.random.default_rng(0).normal(size=shape), "float32")

    def step(layer):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = tf.reduce_sum(layer(maps, training=True) ** 2)
        return tf.reduce_sum(tape.gradient(loss, maps))

    seconds = take_turns(
        {
            "ours": compiled(step, FusedBatchNorm()),
            "Keras'": compiled(step, keras.layers.BatchNormalization()),
        },
        pairs,
    )
    ratio = ratio_of(seconds["Keras'"] / seconds["ours"], 1.0)
    return {"batch norm, training throughput, ours against Keras'": ratio}, {}


def compare_agw(case, pairs):
    """Training steps and inference of AGW against PyTorch's fastest form."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: AGW is not compared with it.")
        return {}, {}
    from benchmarks import torch_agw_step as torch_agw

    kinds = {
        "training": (ours_in_training, torch_agw.training_step),
        "inference": (ours_in_inference, torch_agw.inference),
    }
    ratios, figures = {}, {}
    for kind, (make_ours, make_theirs) in kinds.items():
        for dtype in ("float32", "bfloat16"):
            ours = make_ours(case, dtype)
            theirs = torch_agw.in_both_forms(
                make_theirs, case.image_shape, case.batch_size, dtype
            )
            seconds = take_turns(ours | theirs, pairs)
            print({name: np.median(times) for name, times in seconds.items()})
            fastest = min(theirs, key=lambda name: np.median(seconds[name]))
            for name in ours:
                what = f"AGW, {kind} in {dtype}, throughput, {name} against"
                ratios[f"{what} PyTorch's {fastest}"] = ratio_of(
                    seconds[fastest] / seconds[name], 1.0
                )
            if (kind, dtype) == ("training", "float32"):
                figures = agw_speed(case, seconds["ours"])
    return ratios, figures


def ours_in_training(case, dtype):
    return {"ours": training_step(case, POLICIES[dtype])}


def ours_in_inference(case, dtype):
    """Embeds a batch: the whole network, half its channels, as SavedModel."""
    images = visible_batch(case)
    plain = make_network(case, dtype=POLICIES[dtype]).encoder("visible")
    halves = half_encoders(case, inner=True, dtype=POLICIES[dtype])
    with tempfile.TemporaryDirectory() as folder:
        export_saved_model(make_network(case), folder, precision=dtype)
        served = tf.saved_model.load(f"{folder}/1").signatures["visible_pixels"]
    return {
        "ours": compiled(plain, images),
        **{
            f"{name} to half": compiled(encoder, images)
            for name, encoder in halves.items()
        },
        "SavedModel": compiled(
            lambda x: served(image=x)["embedding"], tf.cast(images, "uint8")
        ),
    }


def agw_speed(case, seconds):
    """Operations a second of our training step, and the processor's most."""
    flops = count_flops(make_network(case).encoder("visible"))
    # Back through a layer is twice the work of the way forth.
    rate = 3 * case.batch_size * flops / np.median(seconds) / 1e9
    return {
        f"{case.backbone}, training step, float32": figure(
            rate,
            "GFLOP/s",
            product_rate(),
            "NumPy's product of two 2048 x 2048 float32 matrices",
        )
    }


def compare_compact(case, pairs):
    """Inference of compacted networks against the masked ones."""
    whole = compare_half(case, pairs, inner=False)
    inside = compare_half(case, pairs, inner=True)
    return whole[0] | inside[0], whole[1] | inside[1]


def compare_half(case, pairs, inner):
    """Half the channels, behind the stages alone or inside the blocks too."""
    encoders, images = half_encoders(case, inner), visible_batch(case)
    calls = {name: compiled(x, images) for name, x in encoders.items()}
    seconds = take_turns(calls, pairs)
    flops = [count_flops(encoder) for encoder in encoders.values()]
    what = f"{case.backbone}, inference, compacted at half the channels"
    if inner:
        what += " and half inside blocks"
    aim = 1.6
    if case.backbone == "resnet50":
        aim = 2.9 if inner else None
    ratio = ratio_of(seconds["masked"] / seconds["compacted"], aim)
    limit = "the share of operations that compacting leaves"
    return {f"{what}, throughput against masked": ratio}, {
        f"{what}, against masked": figure(
            ratio["value"], "times as fast", flops[0] / flops[1], limit
        )
    }


def half_encoders(case, inner, dtype="float32"):
    """Encoders of a network at half its channels, masked and compacted."""
    network = make_network(case, "channel", dtype, inner)
    half_open(network).apply(network)
    both = {"masked": network, "compacted": compact(network)}
    return {name: made.encoder("visible") for name, made in both.items()}


def visible_batch(case):
    """Random images of one modality, as many as a batch has of both."""
    images, _ = make_batch(case._replace(batch_size=2 * case.batch_size))
    return images["visible"]


def half_open(network):
    """Keeps every other channel, the same for both modalities."""
    return Architecture(
        {
            name: np.indices(gate.logits.shape)[-1] % 2
            for name, gate in named_gates(network).items()
        }
    )


def main(arguments=None):
    parser = options_parser(__doc__)
    parser.add_argument("--only", choices=("steps", "norm", "compact", "agw"))
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args(arguments)
    comparisons = {
        "steps": [(compare_steps, STEPS)],
        "norm": [(compare_norm, NORM)],
        "compact": [(compare_compact, case) for case in COMPACT],
        "agw": [(compare_agw, AGW)],
    }
    wanted = [options.only] if options.only else comparisons
    ratios, figures = last_results(options)
    for compare, case in (
        pair for name in wanted for pair in comparisons[name]
    ):
        found = compare(
            SMALL if options.smoke else case,
            1 if options.smoke else options.pairs,
        )
        print_ratios(found[0])
        ratios |= found[0]
        figures |= found[1]
        write_results("search", options, ratios, figures)  # it is kept


def last_results(options):
    """What `--only` leaves as it is."""
    last = (options.results or RESULTS) / "search.json"
    if options.smoke or not options.only or not last.exists():
        return {}, {}
    kept = json.loads(last.read_text())
    return kept["ratios"], kept.get("figures", {})


def print_ratios(ratios):
    for what, ratio in ratios.items():
        value, aim = ratio["value"], ratio["aim"]
        print(f"{what}: {value:.2f}, aim {aim}", flush=True)


if __name__ == "__main__":
    main()
