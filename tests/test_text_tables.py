from nfs_keras.text_tables import format_table


def test_the_first_column_stands_left_and_the_others_right():
    lines = format_table([("", "people"), ("train", 7)], gap=1).splitlines()
    assert lines == ["      people", "train      7"]


def test_every_line_is_as_long_as_the_widest():
    rows = [("a", "bb", "c"), ("aaa", "b", 12345)]
    first, second = format_table(rows).splitlines()
    assert len(first) == len(second) == 3 + 2 + 2 + 2 + 5
