"""The same shards, written by Ray Data actors on any number of machines."""

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
        (number,), (encoded,) = batch["number"], batch["pictures"]
        pictures = arrow.ipc.open_stream(encoded).read_all()
        embedded, bad = self.shards(pictures, int(number))
        return {"embedded": [embedded], "bad": [bad]}


def run_on_ray(shards, pictures, number, num_workers):
    """Embeds `pictures` with Ray Data, one row of work per shard.

    A shard is indivisible and its number is fixed before the start: a worker
    that dies is replaced, and the same shard is written again.

    Args:
        shards: A `ShardEmbedder`.
        pictures: A `image_list` table.
        number: Int. Number of the first shard.
        num_workers: Int. Number of actors, one CPU each.

    Returns:
        Tuple of ints: pictures embedded, and bad ones.
    """
    data = optional_import("ray.data", extra="scale")
    size = shards.batches_per_shard * shards.batch_size
    work = [
        {
            "number": number + start // size,
            "pictures": encode(pictures.slice(start, size)),
        }
        for start in range(0, pictures.num_rows, size)
    ]
    if not work:
        return 0, 0
    finished = data.from_items(work, override_num_blocks=len(work)).map_batches(
        ShardActor,
        fn_constructor_args=(shards,),
        batch_size=1,
        compute=data.ActorPoolStrategy(size=min(num_workers, len(work))),
    )
    counts = [(row["embedded"], row["bad"]) for row in finished.iter_rows()]
    return tuple(map(sum, zip(*counts, strict=True)))


def encode(pictures):
    """Serializes a table to bytes."""
    arrow = optional_import("pyarrow", extra="scale")
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, pictures.schema) as stream:
        stream.write_table(pictures)
    return sink.getvalue().to_pybytes()
