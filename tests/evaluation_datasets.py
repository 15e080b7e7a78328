"""Readers of people who lie on no disk: the library's own, with other lists."""

import numpy as np

from nfs_keras.datasets import LLCM, SYSUMM01, RegDB, Sample
from nfs_keras.modalities import MODALITIES


class FakeRegDB(RegDB):
    """Trial t tests the ten people from t on, of twenty in a circle."""

    def __init__(self, root=".", **options):
        super().__init__(root, **options)

    def read_test(self):
        return [
            Sample(f"{modality}/{person}/{i}", person, 1, modality)
            for modality in MODALITIES
            for person in sorted((self.trial + i) % 20 for i in range(10))
            for i in range(3)
        ]


class FakeSYSUMM01(SYSUMM01):
    """Eight people; the last is seen by camera 2 only, among the visible."""

    def __init__(self, root=".", **options):
        super().__init__(root, **options)

    def read_test(self):
        infrared = [
            Sample(f"cam{camera}/{person}/{i}", person, camera, "infrared")
            for person in range(8)
            for camera in (3, 6)
            for i in range(2)
        ]
        return infrared + [
            Sample(f"cam{camera}/{person}/{i}", person, camera, "visible")
            for person in range(8)
            for camera in (1, 2, 4, 5)
            for i in range(12)
            if person < 7 or camera == 2
        ]


class FakeLLCM(LLCM):
    """Six people before three cameras."""

    def __init__(self, root=".", **options):
        super().__init__(root, **options)

    def read_test(self):
        return [
            Sample(
                f"{modality}/{camera}/{person}/{i}", person, camera, modality
            )
            for modality in MODALITIES
            for person in range(6)
            for camera in (1, 2, 3)
            for i in range(4)
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
