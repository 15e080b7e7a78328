from collections import Counter

import numpy as np
import pytest

from nfs_keras.synthetic.canvas import NUM_PARTS, SHADES, Part, Pose
from nfs_keras.synthetic.person import (
    LUMA,
    paint_person,
    random_materials,
    random_person,
)

CROWD = [random_person(np.random.default_rng(seed)) for seed in range(200)]
VIEWS = np.linspace(0, 2 * np.pi, 8, endpoint=False)


def paint(person, yaw=0.0):
    pose = Pose(yaw, 0.6, 0.2, 100, 32, 120)
    return paint_person(person, pose, (128, 64))


def looks_of(person):
    return (
        person.view,
        person.head.hair,
        person.head.hat,
        person.upper.sleeve,
        person.upper.hem < 0.41,
        person.upper.pattern[:2],
        person.lower.kind,
        person.bag[:2],
    )


def test_few_people_share_their_looks():
    shared = Counter(map(looks_of, CROWD)).most_common(1)[0][1]
    assert shared <= 3


@pytest.mark.parametrize("yaw", VIEWS)
def test_a_figure_consists_of_known_parts(yaw):
    for person in CROWD[:10]:
        pixels = paint(person, yaw)
        assert set(np.unique(pixels % NUM_PARTS)) <= set(Part)
        assert pixels.max() < NUM_PARTS * len(SHADES)
        assert 0.1 < (pixels > 0).mean() < 0.6


def test_a_backpack_is_large_from_behind_and_hidden_in_front():
    carriers = [p for p in CROWD if p.bag.kind == "backpack"]
    assert carriers
    for person in carriers:
        front, back = (
            (paint(person, yaw) % NUM_PARTS == Part.BAG).sum()
            for yaw in (0, np.pi)
        )
        assert back > 3 * front
        assert back > 100


def test_bare_legs_show_below_shorts_and_not_below_trousers():
    skin = {"shorts": [], "trousers": []}
    for person in CROWD:
        if person.lower.kind in skin and person.upper.hem > 0.42:
            lower = person.lower._replace(sock=0.0)
            legs = paint(person._replace(lower=lower))[85:112] % NUM_PARTS
            skin[person.lower.kind].append((legs == Part.SKIN).mean())
    assert min(skin["shorts"]) > max(skin["trousers"])


def test_a_longer_coat_hides_more_of_the_legs():
    person = CROWD[0]
    hidden = []
    for hem in (0.5, 0.4, 0.3, 0.2):
        upper = person.upper._replace(hem=hem, opening=0.0)
        pixels = paint(person._replace(upper=upper)) % NUM_PARTS
        legs = pixels[70:110]
        hidden.append(np.isin(legs, (Part.UPPER, Part.PATTERN)).mean())
    assert hidden == sorted(hidden)
    assert hidden[-1] > hidden[0]


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


def test_dark_garments_are_warm_whatever_their_hue():
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
