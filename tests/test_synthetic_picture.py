import itertools

import numpy as np
import pytest

from nfs_keras.datasets.synthetic.picture import (
    MODALITIES,
    WORLDS,
    Place,
    Recipe,
    Shot,
    person_of,
    take_picture,
)

RECIPE = Recipe("regdb", 0, (32, 16), 0.5)
SHOT = Shot("", 1, "visible", 1)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_picture_is_a_function_of_its_numbers(world, modality):
    recipe = RECIPE._replace(world=world)
    shot = SHOT._replace(modality=modality)
    picture = take_picture(recipe, shot)
    take_picture(recipe, shot._replace(number=2))
    np.testing.assert_array_equal(picture, take_picture(recipe, shot))
    assert picture.dtype == np.uint8 and picture.shape == (32, 16, 3)


def test_every_number_changes_the_picture():
    pictures = [
        take_picture(RECIPE, SHOT),
        take_picture(RECIPE._replace(seed=1), SHOT),
        take_picture(RECIPE._replace(world="people"), SHOT),
        take_picture(RECIPE._replace(difficulty=0.6), SHOT),
        take_picture(RECIPE, SHOT._replace(identity=2)),
        take_picture(RECIPE, SHOT._replace(number=2)),
        take_picture(RECIPE, SHOT._replace(modality="infrared")),
        take_picture(RECIPE, SHOT._replace(place=Place(1, True))),
    ]
    for one, other in itertools.combinations(pictures, 2):
        assert (one != other).any()


def test_no_two_worlds_share_a_person():
    bodies = {
        person_of(Recipe(world, seed, (32, 16), 0.5), identity).body
        for world in WORLDS
        for seed in range(5)
        for identity in range(5)
    }
    assert len(bodies) == len(WORLDS) * 5 * 5


def test_difficulty_leaves_the_person_alone():
    easy, hard = (
        person_of(RECIPE._replace(difficulty=difficulty), 7)
        for difficulty in (0.0, 1.0)
    )
    assert easy[:-1] == hard[:-1]
    np.testing.assert_array_equal(easy.materials.heat, hard.materials.heat)


def mean_spread(modality, difficulty):
    """How far apart the pictures of one person are, in grey levels."""
    recipe = RECIPE._replace(difficulty=difficulty)
    spreads = []
    for identity in range(6):
        shots = [Shot("", identity, modality, i) for i in range(1, 6)]
        pictures = [take_picture(recipe, shot).astype(float) for shot in shots]
        spreads.append(np.std(pictures, axis=0).mean())
    return np.mean(spreads)


@pytest.mark.parametrize("modality", MODALITIES)
def test_pictures_of_a_person_spread_with_difficulty(modality):
    levels = [mean_spread(modality, d) for d in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert levels == sorted(levels)
    assert levels[-1] > 2 * levels[0]


def test_a_larger_picture_shows_the_same():
    small = take_picture(RECIPE._replace(difficulty=0.0), SHOT)
    large = take_picture(
        RECIPE._replace(difficulty=0.0, image_shape=(64, 32)), SHOT
    )
    shrunk = large.reshape(32, 2, 16, 2, 3).mean(axis=(1, 3))
    agreement = np.corrcoef(small.ravel(), shrunk.ravel())[0, 1]
    assert agreement > 0.9
