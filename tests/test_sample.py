import random

from nfs_keras.datasets import Sample, identity_labels


def test_labels_number_the_identities_in_ascending_order():
    samples = [Sample("a", identity, 1, "visible") for identity in (7, 3, 300)]
    assert identity_labels(samples) == {3: 0, 7: 1, 300: 2}


def test_labels_do_not_depend_on_the_order_of_the_samples():
    samples = [Sample(str(i), i % 13, 1, "visible") for i in range(50)]
    shuffled = random.Random(0).sample(samples, len(samples))
    assert identity_labels(shuffled) == identity_labels(samples)


def test_samples_sort_by_path():
    first = Sample("a", 9, 2, "visible")
    second = Sample("b", 1, 1, "infrared")
    assert sorted([second, first]) == [first, second]
