import base64
import re
import subprocess

import pytest
import tensorflow as tf
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from nfs_keras.serving import Batching
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


def batching_parameters():
    """The message type of `batching.config`, as TF-Serving's source has it.

    `tensorflow-serving-api` does not contain it.
    """
    kinds = descriptor_pb2.FieldDescriptorProto
    wrapped = ".google.protobuf.{}Value".format
    fields = {
        "max_batch_size": (1, kinds.TYPE_MESSAGE, wrapped("Int64")),
        "batch_timeout_micros": (2, kinds.TYPE_MESSAGE, wrapped("Int64")),
        "max_enqueued_batches": (3, kinds.TYPE_MESSAGE, wrapped("Int64")),
        "num_batch_threads": (4, kinds.TYPE_MESSAGE, wrapped("Int64")),
        "allowed_batch_sizes": (6, kinds.TYPE_INT64, None),
        "pad_variable_length_inputs": (7, kinds.TYPE_BOOL, None),
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="batching_parameters.proto",
        dependency=["google/protobuf/wrappers.proto"],
    )
    message = file.message_type.add(name="BatchingParameters")
    for name, (number, kind, type_name) in fields.items():
        repeated = name == "allowed_batch_sizes"
        label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        message.field.add(
            name=name, number=number, type=kind, type_name=type_name
        ).label = label
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName("BatchingParameters")
    return message_factory.GetMessageClass(found)


def test_batching_config_is_what_tf_serving_parses(tmp_path):
    write_deployment_files(tmp_path)
    text = (tmp_path / "batching.config").read_text()
    config = text_format.Parse(text, batching_parameters()())
    assert list(config.allowed_batch_sizes) == list(BATCH_SIZES)
    # It does not start where the last one is not the largest batch.
    assert config.max_batch_size.value == config.allowed_batch_sizes[-1]
    assert config.num_batch_threads.value == Batching().num_batch_threads
    assert config.max_enqueued_batches.value == Batching().max_enqueued_batches
    assert config.batch_timeout_micros.value == Batching().batch_timeout_micros
    assert not config.pad_variable_length_inputs


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


def test_every_file_in_the_options_of_the_server_is_written(tmp_path):
    written = {p.name for p in write_deployment_files(tmp_path)}
    compose = (tmp_path / "docker-compose.yml").read_text()
    named = re.findall(r"=/models/nfs_reid/(\S+)", compose)
    assert len(named) == 3 and set(named) <= written


def test_nothing_is_left_to_fill_in(tmp_path):
    for path in write_deployment_files(tmp_path):
        assert not re.search(r"@[a-z_]+@", path.read_text()), path.name


def test_smoke_is_a_shell_program_with_a_true_image(tmp_path):
    write_deployment_files(tmp_path)
    subprocess.run(["sh", "-n", tmp_path / "smoke.sh"], check=True)
    image = tf.io.decode_png(base64.b64decode(IMAGE))
    assert image.shape == (1, 1, 1)


def test_files_that_were_edited_are_kept(tmp_path):
    (tmp_path / "batching.config").write_text("mine")
    write_deployment_files(tmp_path)
    assert (tmp_path / "batching.config").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "a b", "../up", "a'b", "naïve"])
def test_a_name_that_would_need_quoting_raises(tmp_path, name):
    with pytest.raises(ValueError, match="model_name="):
        write_deployment_files(tmp_path, name)
    assert not list(tmp_path.iterdir())
