"""Searches a gallery with a picture."""

import pathlib


def query_picture(gallery, embedder, picture, top=5, **where):
    """Finds the pictures of a gallery that show the person of one picture.

    Args:
        gallery: A `Gallery`.
        embedder: An `Embedder` of the model that filled it, with the modality
            of `picture`.
        picture: Path of a JPEG, PNG or BMP file.
        top: Int. Number of matches. Defaults to `5`.
        **where: Conditions of `Gallery.search`.

    Returns:
        A list of `Match`, the most similar first; `format_matches` prints it.

    Raises:
        ValueError: If the picture cannot be decoded, or the gallery refuses
            the model or a condition.
    """
    image = pathlib.Path(picture).read_bytes()
    embeddings, (valid,) = embedder.embed([image])
    if not valid:
        raise ValueError(
            "A query is a JPEG, PNG or BMP picture. "
            f"Received: picture={str(picture)!r}, which cannot be decoded. "
            "Check the file."
        )
    version = embedder.model_version
    return gallery.search(embeddings, version, top=top, **where)[0]
