"""What every reader does, shown on one that a user could have written."""

import numpy as np
import pytest
from evaluation_datasets import Embed, FakeLLCM, FakeRegDB, FakeSYSUMM01

from nfs_keras.datasets import Reader, RegDB, Sample
from nfs_keras.evaluation import Cameras, Protocol, evaluate
from nfs_keras.modalities import MODALITIES


class Corridor(Reader):
    """Twelve people before two cameras of either kind; half of them test."""

    def read_train(self):
        return corridor(range(6))

    def read_test(self):
        return corridor(range(6, 12))


def corridor(people):
    return [
        Sample(f"{modality}/{person}/{camera}/{i}", person, camera, modality)
        for modality in MODALITIES
        for person in people
        for camera in (1, 2)
        for i in range(3)
    ]


def test_a_users_reader_needs_its_two_lists_and_nothing_else(tmp_path):
    dataset = Corridor(tmp_path)
    assert dataset.name == dataset.title == "Corridor"
    assert {s.modality for s in dataset.query} == {"visible"}
    assert {s.modality for s in dataset.gallery} == {"infrared"}
    table = evaluate(Embed(), dataset)
    assert [row.name for row in table.rows] == [
        "visible to infrared",
        "infrared to visible",
    ]
    assert table.title == "Corridor"
    assert table.rows[0].num_valid_queries == [36]


def test_a_users_reader_may_have_camera_rules(tmp_path):
    class Strict(Corridor):
        protocol = Protocol("strict", excludes_same_camera=True)

    plain, strict = (
        evaluate(Embed(), reader(tmp_path)) for reader in (Corridor, Strict)
    )
    assert strict.rows[0].mean != plain.rows[0].mean


def test_a_direction_turns_the_rules_of_its_protocol_round(tmp_path):
    class OneWay(Corridor):
        protocol = Protocol(
            "one way",
            query=Cameras("infrared", (1, 2)),
            gallery=Cameras("visible", (1, 2)),
            excluded=((1, 2),),
        )

    forward, back = OneWay(tmp_path).searches(("infrared", "visible"))
    assert forward.protocol.excluded == ((1, 2),)
    assert back.protocol.excluded == ((2, 1),)
    assert back.protocol.query.modality == "visible"


def test_unknown_options_and_modalities_are_named(tmp_path):
    with pytest.raises(ValueError, match="trial, query, split.*mode='all'"):
        RegDB(tmp_path).replace(mode="all")
    with pytest.raises(ValueError, match="trial=1 for Corridor"):
        evaluate({1: Embed()}, Corridor(tmp_path))
    with pytest.raises(ValueError, match="SYSU-MM01 take.*'queries'"):
        evaluate(Embed(), FakeSYSUMM01(), queries=["visible"])
    with pytest.raises(ValueError, match="query='thermal'"):
        Corridor(tmp_path).searches(["thermal"])
    with pytest.raises(ValueError, match="mode='everywhere'"):
        FakeSYSUMM01().searches(modes=["everywhere"])


@pytest.mark.parametrize("reader", [FakeRegDB, FakeSYSUMM01, FakeLLCM])
def test_every_benchmark_lists_its_searches(reader):
    searches = reader().searches()
    counts = {FakeRegDB: 2, FakeSYSUMM01: 2 * 2 * 10, FakeLLCM: 2 * 10}
    assert len(searches) == counts[reader]
    for search in searches:
        query, gallery = search.direction.split("_to_")
        assert {s.modality for s in search.query} == {query}
        assert {s.modality for s in search.gallery} == {gallery}


class TwoTrials(Corridor):
    """The halves of the corridor, exchanged in the second trial."""

    trials = (1, 2)

    def __init__(self, root, trial=1):
        super().__init__(root, trial=trial)

    def read_train(self):
        return corridor(range(6) if self.trial == 1 else range(6, 12))

    def read_test(self):
        return corridor(range(6, 12) if self.trial == 1 else range(6))


def test_a_users_reader_may_have_trials_to_train_on(tmp_path):
    dataset = TwoTrials(tmp_path)
    second = dataset.at_trial(2)
    assert second.trial == 2 and second.train == dataset.test
    table = evaluate({1: Embed(), 2: Embed()}, dataset)
    assert [[*row.trials] for row in table.rows] == [[1, 2], [1, 2]]
    with pytest.raises(ValueError, match="must be one of 1, 2.*trial=3"):
        dataset.at_trial(3)


def test_a_dataset_without_trials_to_train_on_has_none_to_choose():
    with pytest.raises(ValueError, match="trial=3 for FakeSYSUMM01"):
        FakeSYSUMM01().at_trial(3)


def test_people_are_held_out_of_training_to_calibrate_on(tmp_path):
    dataset = Corridor(tmp_path)
    train, held_out = dataset.hold_out()
    people = [{s.identity for s in half} for half in (train, held_out)]
    assert [len(half) for half in people] == [4, 2]
    assert not people[0] & people[1]
    assert sorted(train + held_out) == dataset.train
    assert dataset.hold_out() == (train, held_out)
    tenths = np.array([dataset.hold_out(seed=seed)[1] for seed in range(9)])
    assert len({str(x) for x in tenths}) > 1


def test_three_people_are_too_few_to_hold_any_out(tmp_path):
    class Three(Corridor):
        def read_train(self):
            return corridor(range(3))

    with pytest.raises(ValueError, match="Received: 3 training identities"):
        Three(tmp_path).hold_out()


def test_a_reader_without_a_list_is_named(tmp_path):
    class Half(Reader):
        def read_train(self):
            return corridor(range(6))

    with pytest.raises(ValueError, match=r"Half\(.*without `read_test`"):
        Half(tmp_path).train  # noqa: B018


@pytest.mark.parametrize(
    "wrong",
    [{"identity": "ann"}, {"camera": None}, {"modality": "rgb"}],
)
def test_a_sample_of_a_wrong_kind_is_named(wrong, tmp_path):
    class Wrong(Corridor):
        def read_test(self):
            *others, last = super().read_test()
            return [*others, last._replace(**wrong)]

    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"Received: .*{name}={value!r}"):
        Wrong(tmp_path).query  # noqa: B018
