"""Writes shards with Ray Data actors, on any number of machines."""

from nfs_keras.optional import optional_import


class ShardActor:
    """A Ray Data actor that embeds one shard per call.

    Args:
        shards: A `ShardEmbedder`; its model is loaded once, in the actor.
    """

    def __init__(self, shards):
        self.shards = shards

    def __call__(self, batch):
        arrow = optional_import("pyarrow", extra="scale")
        (number,), (encoded,) = batch["number"], batch["images"]
        images = arrow.ipc.open_stream(encoded).read_all()
        embedded, bad = self.shards(images, int(number))
        return {"embedded": [embedded], "bad": [bad]}


def run_on_ray(shards, images, number, num_workers, num_gpus=0):
    """Embeds `images` with Ray Data, one row of its dataset per shard.

    The images and the number of a shard are fixed before the start: a worker
    that dies is replaced, and the same shard is written again.

    Args:
        shards: A `ShardEmbedder`.
        images: A `image_list` table.
        number: Int. Number of the first shard.
        num_workers: Int. Number of actors, one CPU each.
        num_gpus: Number. GPUs of each actor.

    Returns:
        Tuple of ints: images embedded, and bad ones.
    """
    data = optional_import("ray.data", extra="scale")
    size = shards.batches_per_shard * shards.batch_size
    rows = [
        {
            "number": number + start // size,
            "images": encode(images.slice(start, size)),
        }
        for start in range(0, images.num_rows, size)
    ]
    if not rows:
        return 0, 0
    finished = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        ShardActor,
        fn_constructor_args=(shards,),
        batch_size=1,
        num_gpus=num_gpus,
        compute=data.ActorPoolStrategy(size=min(num_workers, len(rows))),
    )
    counts = [(row["embedded"], row["bad"]) for row in finished.iter_rows()]
    return tuple(map(sum, zip(*counts, strict=True)))


def encode(images):
    """Serializes a table to bytes."""
    arrow = optional_import("pyarrow", extra="scale")
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, images.schema) as stream:
        stream.write_table(images)
    return sink.getvalue().to_pybytes()
