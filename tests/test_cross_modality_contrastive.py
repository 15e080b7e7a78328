"""Laws of the cross-modality contrastive loss."""

import numpy as np
import pytest

from nfs_keras.losses import (
    CrossModalityContrastive,
    cross_modality_contrastive,
)

IDENTITIES = np.repeat([3, 8, 5], 4)
MODALITY = np.tile([0, 1], 6)
FORMS = pytest.mark.parametrize("form", ["info_nce", "center_margin"])


def embeddings(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(12, 6)).astype("float32")


@FORMS
def test_the_loss_is_its_pure_function(form):
    loss = CrossModalityContrastive(form, temperature=0.3, margin=0.7)
    np.testing.assert_allclose(
        loss(np.stack([IDENTITIES, MODALITY], axis=1), embeddings()),
        cross_modality_contrastive(
            embeddings(), IDENTITIES, MODALITY, form, 0.3, 0.7
        ),
        rtol=1e-6,
    )


@FORMS
def test_the_two_modalities_may_change_places(form):
    np.testing.assert_allclose(
        cross_modality_contrastive(embeddings(), IDENTITIES, MODALITY, form),
        cross_modality_contrastive(
            embeddings(), IDENTITIES, 1 - MODALITY, form
        ),
        rtol=1e-6,
    )


@FORMS
def test_identities_are_names_and_may_be_renamed(form):
    renamed = np.repeat([90001, 0, 7], 4)
    assert cross_modality_contrastive(
        embeddings(), renamed, MODALITY, form
    ) == cross_modality_contrastive(embeddings(), IDENTITIES, MODALITY, form)


@FORMS
def test_the_length_of_embeddings_is_nothing(form):
    np.testing.assert_allclose(
        cross_modality_contrastive(
            40 * embeddings(), IDENTITIES, MODALITY, form
        ),
        cross_modality_contrastive(embeddings(), IDENTITIES, MODALITY, form),
        rtol=1e-5,
    )


@FORMS
def test_an_identity_weighs_once_however_many_rows_it_has(form):
    rows = np.r_[0:12, 0:4, 0:4, 0:4]  # identity 3 four times over
    np.testing.assert_allclose(
        cross_modality_contrastive(
            embeddings()[rows], IDENTITIES[rows], MODALITY[rows], form
        ),
        cross_modality_contrastive(embeddings(), IDENTITIES, MODALITY, form),
        rtol=1e-5,
    )


def test_chance_is_the_logarithm_of_the_number_of_identities():
    loss = cross_modality_contrastive(np.ones((12, 6)), IDENTITIES, MODALITY)
    np.testing.assert_allclose(loss, np.log(3), rtol=1e-6)


def test_info_nce_of_two_orthogonal_people_has_a_closed_form():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    loss = cross_modality_contrastive(
        rows, np.array([1, 1, 2, 2]), np.array([0, 1, 0, 1]), temperature=0.5
    )
    np.testing.assert_allclose(loss, np.log1p(np.exp(-1 / 0.5)), rtol=1e-5)


def test_center_margin_of_collapsed_embeddings_is_the_squared_margin():
    loss = cross_modality_contrastive(
        np.ones((12, 6)), IDENTITIES, MODALITY, "center_margin", margin=0.6
    )
    np.testing.assert_allclose(loss, 0.6**2, rtol=1e-5)


def test_an_identity_of_one_modality_is_still_a_wrong_answer():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.1]])
    identities, modality = np.array([1, 1, 2]), np.array([0, 1, 1])
    for form in ("info_nce", "center_margin"):
        near = cross_modality_contrastive(rows, identities, modality, form)
        away = cross_modality_contrastive(
            rows * [[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]],
            identities,
            modality,
            form,
        )
        assert near > away


def test_a_row_of_unknown_modality_is_left_out():
    modality = MODALITY.copy()
    modality[-2:] = 2
    moved = embeddings()
    moved[-2:] += 9.0
    assert cross_modality_contrastive(
        moved, IDENTITIES, modality
    ) == cross_modality_contrastive(embeddings(), IDENTITIES, modality)


def test_it_is_one_number_per_batch():
    loss = CrossModalityContrastive(reduction=None)
    y_true = np.stack([IDENTITIES, MODALITY], axis=1)
    assert loss(y_true, embeddings()).shape == (1,)


def test_identities_without_modality_raise():
    with pytest.raises(ValueError, match=r"y_true.shape=\(12,\)"):
        CrossModalityContrastive()(IDENTITIES, embeddings())


def test_an_unknown_form_raises():
    with pytest.raises(ValueError, match="form='triplet'"):
        CrossModalityContrastive(form="triplet")
    with pytest.raises(ValueError, match="form='triplet'"):
        cross_modality_contrastive(
            embeddings(), IDENTITIES, MODALITY, "triplet"
        )


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_raises(temperature):
    with pytest.raises(ValueError, match="`temperature` must be positive"):
        CrossModalityContrastive(temperature=temperature)


def test_a_negative_margin_raises():
    with pytest.raises(ValueError, match="margin=-1"):
        CrossModalityContrastive(margin=-1)
