"""One line of a rank list."""

from typing import NamedTuple


class Match(NamedTuple):
    """A picture of the gallery that a search found.

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
    """Lays out a rank list as text: rank, similarity, id, camera."""
    lines = ["rank  similarity  camera  id"]
    for rank, match in enumerate(matches, 1):
        camera = "-" if match.camera is None else match.camera
        lines.append(
            f"{rank:4}  {match.similarity:10.4f}  {camera:>6}  {match.id}"
        )
    return "\n".join(lines)
