import numpy as np

from nfs_keras.datasets.synthetic.materials import LUMA, random_materials
from nfs_keras.datasets.synthetic.part import Part

WARDROBE = [
    random_materials(np.random.default_rng(seed)) for seed in range(400)
]
GARMENTS = (Part.UPPER, Part.LOWER, Part.SHOE)


def correlation(part, first, second):
    pairs = [(first(m)[part], second(m)[part]) for m in WARDROBE]
    return np.corrcoef(np.transpose(pairs))[0, 1]


def brightness(materials):
    return materials.colour @ LUMA


def redness(materials):
    return (materials.colour[:, 0] - materials.colour[:, 2]) / (
        brightness(materials) + 0.05
    )


def test_dark_garments_are_warm_and_hue_tells_nothing():
    for part in GARMENTS:
        assert correlation(part, brightness, lambda m: m.heat) < -0.7
        assert abs(correlation(part, redness, lambda m: m.heat)) < 0.15


def test_bright_garments_reflect_infrared_light():
    for part in GARMENTS:
        assert correlation(part, brightness, lambda m: m.reflectance) > 0.7


def test_skin_is_the_warmest():
    for materials in WARDROBE:
        assert materials.heat[Part.SKIN] == materials.heat.max()


def test_a_pattern_shows_to_every_camera():
    for view in (brightness, lambda m: m.heat, lambda m: m.reflectance):
        gaps = [
            abs(view(m)[Part.PATTERN] - view(m)[Part.UPPER]) for m in WARDROBE
        ]
        assert np.mean(gaps) > 0.2


def test_everything_lies_between_zero_and_one():
    for materials in WARDROBE:
        for values in materials:
            assert values.min() >= 0 and values.max() <= 1
