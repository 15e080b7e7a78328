"""`trace` lists the layer calls of a model, models inside it expanded."""

import keras
import numpy as np
import pytest
from graph_cases import IMAGES, SHAPE, assert_same_outputs, gate
from keras import layers

from nfs_keras.layers import ChannelSearch
from nfs_keras.search.graph import trace


def small(name=None):
    image = keras.Input(SHAPE)
    maps = layers.ReLU(name="relu")(layers.Conv2D(4, 3, name="conv")(image))
    return keras.Model(image, maps, name=name)


def run_again(model, inputs):
    """The outputs of a model that is made of another one's graph."""
    graph = trace(model)
    copies = keras.tree.map_structure(
        lambda t: keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name),
        graph.inputs,
    )
    outputs = graph.run(
        copies, lambda node, *args, **kwargs: node.layer(*args, **kwargs)
    )
    return keras.Model(copies, outputs)(inputs)


def names(model):
    return [node.layer.name for node in trace(model).nodes if node.tensors]


def test_calls_are_listed_in_the_order_in_which_they_run():
    assert names(small()) == ["conv", "relu"]


def test_models_inside_a_model_are_expanded():
    image = keras.Input(SHAPE)
    inner = keras.Sequential([small("deep"), layers.Flatten(name="flat")])
    model = keras.Model(image, layers.Dense(2, name="dense")(inner(image)))
    assert names(model) == ["conv", "relu", "flat", "dense"]
    assert_same_outputs(run_again(model, IMAGES), model(IMAGES))


def test_a_layer_that_is_called_twice_is_listed_twice():
    image = keras.Input(SHAPE)
    inner = small()
    model = keras.Model(image, [inner(image), inner(layers.ReLU()(image))])
    assert names(model).count("conv") == names(model).count("relu") == 2
    assert_same_outputs(run_again(model, IMAGES), model(IMAGES))


def test_structures_of_inputs_and_outputs_are_kept():
    inputs = {
        "a": keras.Input(SHAPE, name="a"),
        "b": keras.Input(SHAPE, name="b"),
    }
    both = layers.Add()([*inputs.values()])
    model = keras.Model(inputs, {"sum": both, "parts": [inputs["b"], both]})
    given = {"a": IMAGES, "b": IMAGES}
    outputs = run_again(model, given)
    assert set(outputs) == {"sum", "parts"}
    assert_same_outputs(outputs, model(given))


def test_the_modality_of_a_gate_is_seen_however_it_is_passed():
    image = keras.Input(SHAPE)
    modality = keras.Input((), dtype="int32")
    maps = ChannelSearch(2)(image, modality)
    maps = ChannelSearch(2)(maps, modality=modality)
    maps = gate(ChannelSearch(2)(maps, modality=1))
    nodes = trace(keras.Model([image, modality], maps)).nodes
    given = [node.modality for node in nodes if node.tensors]
    assert [len(node.tensors) for node in nodes if node.tensors] == [2, 2, 1, 1]
    assert given[0] is given[1] is not None
    assert given[2:] == [1, None]


def test_tracing_leaves_a_model_as_it_was(tmp_path):
    model = small()
    model.compile("sgd", "mse")
    before = model(IMAGES)
    trace(model)
    assert model.compiled and len(model.layers) == 3
    assert_same_outputs(model(IMAGES), before)
    model.fit(IMAGES, np.zeros(before.shape), verbose=0)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_outputs(twin(IMAGES), model(IMAGES))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    "model", [Subclassed(name="mine"), keras.Sequential(name="mine"), "mine"]
)
def test_a_model_without_a_graph_raises(model):
    with pytest.raises(ValueError, match="Received: model='mine', a "):
        trace(model)
