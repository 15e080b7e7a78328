"""Evaluation protocols as values: which images count, and what a rank counts.

The ranking code depends on no dataset; every difference between the published
evaluation programs is a field of `Protocol`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class Cameras(NamedTuple):
    """The cameras of the query side or the gallery side of a protocol."""

    modality: str  # "visible" | "infrared"
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Protocol:
    """The rules by which rankings are scored.

    Args:
        name: Name in tables and errors.
        query: `Cameras` that queries come from; `None` allows any.
        gallery: `Cameras` that gallery images come from; `None` allows any.
        excluded: Pairs (query camera, gallery camera). A query is not
            compared with gallery images of the paired camera, whatever their
            identity.
        excludes_same_camera: If `True`, a query is not compared with gallery
            images that have both its identity and its camera number.
        counts: What the ranks of the CMC curve count: `"images"`, or
            `"identities"` (only the first occurrence of each identity in the
            ranking is kept). mAP and mINP always use every image.
    """

    name: str
    query: Cameras | None = None
    gallery: Cameras | None = None
    excluded: tuple[tuple[int, int], ...] = ()
    excludes_same_camera: bool = False
    counts: str = "images"

    def __post_init__(self):
        if self.counts not in ("images", "identities"):
            raise ValueError(
                'A CMC curve counts "images" or "identities". '
                f"Received: counts={self.counts!r}. "
                "Give one of the two."
            )

    @property
    def needs_cameras(self) -> bool:
        """Whether the rules can only be applied with camera numbers."""
        sides = (self.query, self.gallery, self.excluded)
        return self.excludes_same_camera or any(sides)

    def directed(self, modality: str) -> "Protocol":
        """Returns the same rules for queries of `modality`."""
        if self.query is None or self.query.modality == modality:
            return self
        return replace(
            self,
            query=self.gallery,
            gallery=self.query,
            excluded=tuple((g, q) for q, g in self.excluded),
        )

    def check_cameras(self, side: str, numbers: np.ndarray) -> None:
        """Raises `ValueError` for camera numbers that `side` does not have."""
        cameras = getattr(self, side)
        if cameras is None:
            return
        foreign = sorted(set(np.unique(numbers).tolist()) - {*cameras.numbers})
        if foreign:
            raise ValueError(
                f"The {side} of {self.name} is {cameras.modality}, cameras "
                f"{cameras.numbers}. "
                f"Received: {side}_cameras with {foreign}. "
                "Number cameras from 1, and check whether query and gallery "
                "have been swapped."
            )


RANKS = (1, 5, 10, 20)  # the usual ones in publications

# Both directions; one camera a side, so no rule is needed.
REGDB = Protocol("RegDB")

SYSU_ALL_SEARCH = Protocol(
    "SYSU-MM01 all-search",
    query=Cameras("infrared", (3, 6)),
    gallery=Cameras("visible", (1, 2, 4, 5)),
    excluded=((3, 2),),  # cameras 3 and 2 stand in the same place
    counts="identities",
)

SYSU_INDOOR_SEARCH = Protocol(
    "SYSU-MM01 indoor-search",
    query=Cameras("infrared", (3, 6)),
    gallery=Cameras("visible", (1, 2)),
    excluded=((3, 2),),
    counts="identities",
)

# Both directions; camera numbers run from 1 to 9 in each modality.
LLCM = Protocol("LLCM", excludes_same_camera=True, counts="identities")

NAMED_PROTOCOLS = {
    "regdb": REGDB,
    "sysu_mm01": SYSU_ALL_SEARCH,  # indoor-search has the same rules
    "llcm": LLCM,
}


def find_protocol(protocol: str | Protocol) -> Protocol:
    """Returns the protocol of a name; a `Protocol` is returned unchanged."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in NAMED_PROTOCOLS:
        raise ValueError(
            f"`protocol` is a `Protocol` or one of {[*NAMED_PROTOCOLS]}. "
            f"Received: protocol={protocol!r}. "
            "Describe rules of your own with `Protocol(...)`."
        )
    return NAMED_PROTOCOLS[protocol]
