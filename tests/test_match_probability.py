import numpy as np
import pytest

from nfs_keras.serving import MatchProbability, fit_match_probability


def probability(curve, similarity):
    return 1 / (1 + np.exp(-(curve.slope * similarity + curve.intercept)))


def pairs(curve, size=20_000, seed=0):
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(-1, 1, size)
    return similarity, rng.random(size) < probability(curve, similarity)


def test_it_finds_the_curve_that_made_the_pairs():
    true = MatchProbability(slope=6.0, intercept=0.0)  # as many of each kind
    found = fit_match_probability(*pairs(true))
    grid = np.linspace(-1, 1, 21)
    np.testing.assert_allclose(
        probability(found, grid), probability(true, grid), atol=0.02
    )


def test_the_share_of_pairs_of_one_person_does_not_matter():
    similarity, same = pairs(MatchProbability(6.0, 0.0))
    kept = ~same | (np.arange(len(same)) % 10 == 0)
    whole = fit_match_probability(similarity, same)
    fewer = fit_match_probability(similarity[kept], same[kept])
    np.testing.assert_allclose(whole, fewer, atol=0.5)


def test_pairs_that_separate_perfectly_give_a_finite_rising_curve():
    curve = fit_match_probability([-0.9, -0.2, 0.3, 0.8], [0, 0, 1, 1])
    assert np.all(np.isfinite(curve)) and curve.slope > 0
    assert probability(curve, 0.8) > 0.7 > 0.3 > probability(curve, -0.9)


def test_similarity_without_information_gives_one_half():
    curve = fit_match_probability([0.5] * 20, [True, False] * 10)
    assert probability(curve, 0.5) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("same", [True, False])
def test_one_kind_of_pairs_is_not_enough(same):
    with pytest.raises(ValueError, match="pairs of one person"):
        fit_match_probability([0.1, 0.2], [same, same])
