"""The schema of a gallery, the same in Milvus Lite and on a cluster."""

ID_LENGTH = 1024  # bytes
INDEX_PARAMETERS = {"HNSW": {"M": 16, "efConstruction": 200}, "FLAT": {}}
VERSION_LENGTH = 64
CHECKSUM_LENGTH = 64


def create_collection(client, name, dim, model_version, index, timeout):
    """Makes an empty collection for the embeddings of one model.

    The model version is the default value of a field: both kinds of Milvus
    store it in the schema and in each row.

    Args:
        client: A `pymilvus.MilvusClient`.
        name: String. Name of the collection.
        dim: Int. Length of an embedding.
        model_version: String of at most 64 bytes.
        index: A key of `INDEX_PARAMETERS`.
        timeout: Float, seconds.
    """
    from pymilvus import DataType

    schema = client.create_schema(enable_dynamic_field=False)
    schema.add_field(
        "id", DataType.VARCHAR, is_primary=True, max_length=ID_LENGTH
    )
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dim)
    for field in ("identity", "camera", "time"):
        schema.add_field(field, DataType.INT64, nullable=True)
    schema.add_field("modality", DataType.VARCHAR, max_length=16)
    schema.add_field(
        "checksum",
        DataType.VARCHAR,
        max_length=CHECKSUM_LENGTH,
        nullable=True,
    )
    schema.add_field(
        "model_version",
        DataType.VARCHAR,
        max_length=VERSION_LENGTH,
        default_value=model_version,
    )
    indexes = client.prepare_index_params()
    indexes.add_index(
        "embedding",
        index_type=index,
        metric_type="COSINE",
        params=INDEX_PARAMETERS[index],
    )
    client.create_collection(
        name,
        schema=schema,
        consistency_level="Session",  # a client sees its own writes
        timeout=timeout,
    )
    # Without waiting: the collection is empty, and Milvus Lite logs a traceback
    # when it is asked whether the index is ready.
    client.create_index(name, indexes, timeout=timeout, sync=False)
    client.load_collection(name, timeout=timeout)


def read_schema(description):
    """Reads (dim, model version) from a collection's description.

    Raises:
        ValueError: If the collection is not a gallery.
    """
    fields = {field["name"]: field for field in description["fields"]}
    try:
        dim = int(fields["embedding"]["params"]["dim"])
        return dim, fields["model_version"]["default_value"].string_data
    except KeyError as error:
        raise ValueError(
            "A gallery's collection has embeddings and a model version. "
            f"Received: fields={sorted(fields)}. "
            "Choose another collection with `Gallery(name=...)`."
        ) from error
