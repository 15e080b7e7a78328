import base64
import re
import subprocess

import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from nfs_keras.serving.deployment_files import (
    IMAGE,
    write_deployment_files,
)
from nfs_keras.serving.warm_up import BATCH_SIZES


def test_models_config_is_what_tf_serving_parses(tmp_path):
    write_deployment_files(tmp_path, "people")
    text = (tmp_path / "models.config").read_text()
    config = text_format.Parse(text, ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("people", "/models/people")
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 2


def test_allowed_batch_sizes_ascend_to_the_largest(tmp_path):
    write_deployment_files(tmp_path)
    text = (tmp_path / "batching.config").read_text()
    allowed = [int(n) for n in re.findall(r"allowed_batch_sizes: (\d+)", text)]
    assert allowed == sorted(allowed) == list(BATCH_SIZES)
    assert f"max_batch_size {{ value: {allowed[-1]} }}" in text
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    assert not any("pad_variable_length_inputs" in line for line in lines)


def test_compose_pins_its_images_and_gives_away_nothing(tmp_path):
    write_deployment_files(tmp_path)
    compose = yaml.safe_load((tmp_path / "docker-compose.yml").read_text())
    services = compose["services"]
    assert set(services) == {"cpu", "gpu"}
    for service in services.values():
        assert re.search(r":\d+\.\d+\.\d+(-gpu)?$", service["image"])
        assert service["volumes"] == [".:/models/nfs_reid:ro"]
        assert service["user"] not in ("root", "0", "0:0")
        assert service["read_only"] and service["healthcheck"]["test"]
        for port in service["ports"]:
            assert port.startswith("${ADDRESS:-127.0.0.1}:")
    assert services["gpu"]["image"] == services["cpu"]["image"] + "-gpu"
    device = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device[0]["capabilities"] == ["gpu"]


def test_every_file_that_the_server_is_told_of_is_written(tmp_path):
    written = {p.name for p in write_deployment_files(tmp_path)}
    compose = (tmp_path / "docker-compose.yml").read_text()
    told = re.findall(r"=/models/nfs_reid/(\S+)", compose)
    assert len(told) == 3 and set(told) <= written


def test_nothing_is_left_to_fill_in(tmp_path):
    for path in write_deployment_files(tmp_path):
        assert not re.search(r"@[a-z_]+@", path.read_text()), path.name


def test_smoke_is_a_shell_program_with_a_true_picture(tmp_path):
    write_deployment_files(tmp_path)
    subprocess.run(["sh", "-n", tmp_path / "smoke.sh"], check=True)
    image = tf.io.decode_png(base64.b64decode(IMAGE))
    assert image.shape == (1, 1, 1)


def test_files_that_were_edited_are_kept(tmp_path):
    (tmp_path / "batching.config").write_text("mine")
    write_deployment_files(tmp_path)
    assert (tmp_path / "batching.config").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "a b", "../up", "a'b", "naïve"])
def test_a_name_that_would_need_quoting_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="model_name="):
        write_deployment_files(tmp_path, name)
    assert not list(tmp_path.iterdir())
