"""Readers of made-up people, as the whole protocols know readers."""

import random
from typing import NamedTuple

import numpy as np

OTHER = {"visible": "infrared", "infrared": "visible"}


class Sample(NamedTuple):
    path: str
    identity: int
    camera: int
    modality: str


class FakeReader:
    """Keeps its options, and makes itself anew with others."""

    def __init__(self, **options):
        self.options = {**self.defaults, **options}
        for name in {*self.options} - {"query"}:
            setattr(self, name, self.options[name])

    def replace(self, **options):
        return type(self)(**{**self.options, **options})


class FakeRegDB(FakeReader):
    """Trial t tests the ten people from t on, of twenty in a circle."""

    name = "regdb"
    defaults = {"trial": 1, "query": "visible"}

    @property
    def query(self):
        return self._side(self.options["query"])

    @property
    def gallery(self):
        return self._side(OTHER[self.options["query"]])

    def _side(self, modality):
        people = [(self.trial + i) % 20 for i in range(10)]
        return [
            Sample(f"{modality}/{person}/{i}", person, 1, modality)
            for person in sorted(people)
            for i in range(3)
        ]


class FakeSYSUMM01(FakeReader):
    """Eight people; the last is seen by camera 2 only, among the visible."""

    name = "sysu_mm01"
    defaults = {"mode": "all", "shots": 1, "trial": 0, "sampler": "seeded"}
    cameras = {"all": (1, 2, 4, 5), "indoor": (1, 2)}

    @property
    def query(self):
        return [
            Sample(f"cam{camera}/{person}/{i}", person, camera, "infrared")
            for person in range(8)
            for camera in (3, 6)
            for i in range(2)
        ]

    @property
    def gallery(self):
        draw = random.Random(self.trial)
        return [
            Sample(f"cam{camera}/{person}/{i}", person, camera, "visible")
            for person in range(8)
            for camera in self.cameras[self.mode]
            for i in sorted(draw.sample(range(12), self.shots))
            if person < 7 or camera == 2
        ]


class FakeLLCM(FakeReader):
    """Six people before three cameras."""

    name = "llcm"
    defaults = {"query": "visible", "trial": 0, "scoring": "paper"}

    @property
    def query(self):
        sides = self._all(), self._sampled()
        return sides[self.scoring == "released"]

    @property
    def gallery(self):
        sides = self._sampled(), self._all()
        return sides[self.scoring == "released"]

    def _all(self):
        return self._images(self.options["query"], lambda: range(4))

    def _sampled(self):
        draw = random.Random(self.trial)
        other = OTHER[self.options["query"]]
        return self._images(other, lambda: [draw.randrange(4)])

    def _images(self, modality, choose):
        return [
            Sample(
                f"{modality}/{camera}/{person}/{i}", person, camera, modality
            )
            for person in range(6)
            for camera in (1, 2, 3)
            for i in choose()
        ]


class Embed:
    """An embedding per image that is a function of its path alone."""

    def __init__(self):
        self.seen = []

    def __call__(self, samples):
        self.seen += [sample.path for sample in samples]
        centres = np.random.default_rng(0).normal(size=(20, 8))
        return np.stack(
            [
                centres[s.identity]
                + np.random.default_rng([*s.path.encode()]).normal(size=8)
                for s in samples
            ]
        )
