"""Searches a gallery with an image, and formats the matches."""

import pathlib
from typing import NamedTuple


class Match(NamedTuple):
    """An image of the gallery that a search found.

    `similarity` is the cosine of two embeddings, in [-1, 1]; `identity`,
    `camera` and `time` (seconds since 1970, UTC) are `None` where unknown.
    """

    id: str
    similarity: float
    identity: int | None
    camera: int | None
    time: int | None
    modality: str


def format_matches(matches) -> str:
    """Formats a rank list as text: rank, similarity, camera, id."""
    lines = ["rank  similarity  camera  id"]
    for rank, match in enumerate(matches, 1):
        camera = "-" if match.camera is None else match.camera
        lines.append(
            f"{rank:4}  {match.similarity:10.4f}  {camera:>6}  {match.id}"
        )
    return "\n".join(lines)


def query_image(gallery, embedder, image, top=5, **where):
    """Finds the images of a gallery that are most similar to one image.

    Args:
        gallery: A `Gallery`.
        embedder: An `Embedder` of the gallery's model, with the modality of
            `image`.
        image: Path of a JPEG, PNG or BMP file.
        top: Int. Number of matches. Defaults to `5`.
        **where: Conditions of `Gallery.search`.

    Returns:
        A list of `Match`, the most similar first; see `format_matches`.

    Raises:
        ValueError: If the image cannot be decoded, the gallery is of another
            model, or a condition is wrong.
    """
    contents = pathlib.Path(image).read_bytes()
    embeddings, (valid,) = embedder.embed([contents])
    if not valid:
        raise ValueError(
            "A query must be a JPEG, PNG or BMP image. "
            f"Received: image={str(image)!r}, which cannot be decoded. "
            "Check the file."
        )
    version = embedder.model_version
    return gallery.search(embeddings, version, top=top, **where)[0]
