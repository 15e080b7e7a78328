"""A stage of the shared stream, with its search cell."""

import keras

from nfs_keras.backbones.non_local_block import NonLocalBlock
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.layers import ChannelSearch, DualLevelSearch, SpatialSearch

RESIDUAL = (ResidualBlock, NonLocalBlock)  # blocks that take `keep`


@keras.saving.register_keras_serializable(package="nfs_keras")
class Stage(keras.layers.Layer):
    """Runs blocks one after the other and searches their feature map.

    In a stage of residual (and non-local) blocks the channel gate governs the
    stage's whole residual stream: a channel that is closed does not exist
    between its blocks either. In a stage of anything else (a piece of a Keras
    model) the cell acts on the stage's output. The pixel gate always acts on
    the output.

    Args:
        blocks: Non-empty list of layers or models.
        cell: `DualLevelSearch`, `ChannelSearch`, `SpatialSearch` or `None`
            for no search. Defaults to `None`.
        **kwargs: Base layer keyword arguments.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        modality: Int vector `(batch,)`, or one int for all samples.
        training: Whether batch normalisation uses the batch.
        sample_gates: Whether the gates draw noise.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        The output shape of the last block.

    Example:

    >>> import numpy as np
    >>> block = keras.layers.Conv2D(8, 3, padding="same")
    >>> stage = Stage([block], DualLevelSearch())
    >>> maps = np.zeros((4, 6, 3, 3), "float32")
    >>> tuple(stage(maps, modality=np.array([0, 0, 1, 1])).shape)
    (4, 6, 3, 8)

    Reference:
        A search cell in every shared block is the paper's; that its channel
        gate governs the residual stream is our choice: it makes cutting exact.
    """

    def __init__(self, blocks, cell=None, **kwargs):
        super().__init__(**kwargs)
        self.blocks = blocks
        self.cell = cell

    def build(self, input_shape):
        for block in self.blocks:
            if not block.built:
                block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)
        if self.cell is not None and not self.cell.built:
            self.cell.build(input_shape)

    @property
    def cells(self):
        """Dict from name to search cell: the stage's own and inner gates."""
        cells = {} if self.cell is None else {self.name: self.cell}
        for i, block in enumerate(self.blocks, start=1):
            for gate in inner_gates(block):
                cells[f"{self.name}_block{i}_{gate.name}"] = gate
        return cells

    @property
    def residual(self):
        """Whether all blocks add to one stream, which a gate can govern.

        The stream has to begin here, with a block that projects: what an
        identity shortcut brings along from the stage before, no gate closes.
        """
        begins = getattr(self.blocks[0], "project", False)
        return begins and all(isinstance(b, RESIDUAL) for b in self.blocks)

    @property
    def channel_gate(self):
        """The gate that governs the stage's residual stream, or `None`."""
        cell = self.cell
        if isinstance(cell, DualLevelSearch) and cell.combine == "product":
            cell = cell.channel
        governed = self.residual and isinstance(cell, ChannelSearch)
        return cell if governed else None

    def call(self, inputs, modality=None, training=False, sample_gates=False):
        drawing = {"modality": modality, "training": sample_gates}
        gate, maps = self.channel_gate, inputs
        given = {"training": training}
        if gate is not None:
            given["keep"] = gate.keep(keras.ops.shape(inputs)[0], **drawing)
        for block in self.blocks:
            inner = {"modality": modality, "sample_gates": sample_gates}
            maps = block(maps, **given, **(inner if inner_gates(block) else {}))
        if self.cell is None or gate is self.cell:
            return maps
        left = self.cell if gate is None else self.cell.spatial
        return left(maps, **drawing)

    def compute_output_shape(self, input_shape):
        for block in self.blocks:
            input_shape = block.compute_output_shape(input_shape)
        return input_shape

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "blocks": [serialize(block) for block in self.blocks],
            "cell": serialize(self.cell),
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        blocks = [deserialize(block) for block in config.pop("blocks")]
        return cls(blocks, deserialize(config.pop("cell")), **config)


def inner_gates(block):
    """The gates between the convolutions of a block, if it has any."""
    return getattr(block, "inner_gates", [])


def make_cell(search, **kwargs):
    """Makes the search cell that `search` names.

    Args:
        search: `"dual"`, `"channel"`, `"spatial"` or `None`.
        **kwargs: Arguments of the cell.

    Returns:
        A layer, or `None` where nothing is searched.
    """
    cells = {
        "dual": DualLevelSearch,
        "channel": ChannelSearch,
        "spatial": SpatialSearch,
    }
    if search is None:
        return None
    if search not in cells:
        raise ValueError(
            f"`search` must be None or one of {sorted(cells)}. "
            f"Received: search={search!r}. "
            "Pass 'dual' to search channels and pixels."
        )
    return cells[search](**kwargs)
