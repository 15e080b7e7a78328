from nfs_keras.scale.shards import done_ids, next_number, write_shard


def test_a_number_in_use_by_bad_images_is_not_given_again(tmp_path):
    assert next_number(tmp_path) == 0
    write_shard(tmp_path, 6, None, [("a,b\n", "path", "not an image")])
    assert next_number(tmp_path) == 7
    assert done_ids(tmp_path).to_pylist() == ["a,b\n"]


def test_numbers_may_outgrow_five_digits(tmp_path):
    write_shard(tmp_path, 123456, None, [("a", "path", "not an image")])
    assert next_number(tmp_path) == 123457
