"""The flags of all verbs that train a network."""

import dataclasses

from absl import flags

from nfs_keras.cli.arguments import reader_flag, words_named
from nfs_keras.datasets import open_dataset
from nfs_keras.presets import PRESETS, PRETRAINED


def training_flags():
    """Makes the flags of a verb that trains; it may define more."""
    values = reader_flag(flags.FlagValues())
    flags.DEFINE_string(
        "data", None, "Folder of the dataset, instead of DATA.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "output", None, "Folder of the run: new, or to resume.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_enum(
        "preset", "demo", PRESETS,
        "demo: a tiny network, minutes on a CPU; paper: ResNet-50, hours on "
        "a GPU.", flag_values=values,
    )  # fmt: skip
    flags.DEFINE_enum(
        "backbone", None, list(PRETRAINED),
        "Backbone, if not the preset's.", flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "trial", None, "RegDB: 1 (the default) to 10; `train` takes 'all' too.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer(
        "seed", 0, "Seed of everything.", lower_bound=0, flag_values=values
    )
    flags.DEFINE_enum(
        "search", "dual", ["dual", "channel", "spatial"],
        "What to search: channels, pixels or both.", flag_values=values,
    )  # fmt: skip
    flags.DEFINE_float(
        "budget", None, "Share of the operations to keep, if not the preset's; "
        "0 searches without a budget.", 0.0, 1.0, flag_values=values,
    )  # fmt: skip
    flags.DEFINE_enum(
        "strategy", "none", ["none", "mirrored"],
        "mirrored: on all GPUs of this host, see docs/scale.md.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_bool(
        "smoke", False, "Try every stage in a minute; nothing is learned.",
        flag_values=values,
    )  # fmt: skip
    flags.mark_flag_as_required("output", flag_values=values)
    return values


def named_dataset(values, words):
    """Opens the dataset that DATA or --data names."""
    data = words_named([*words, *filter(None, [values.data])], "DATA")
    return open_dataset(data, reader=values.reader)


def chosen_dataset(values, words):
    """Opens the dataset in the trial that the flags name."""
    dataset = named_dataset(values, words)
    if values.trial is None:
        return dataset
    return dataset.at_trial(trial_number(values.trial))


def trial_number(text):
    """Reads the number of a trial."""
    if not text.isdecimal():
        raise ValueError(
            "A trial is a number. "
            f"Received: --trial={text}. "
            "Pass --trial=1, or leave it out."
        )
    return int(text)


def chosen_preset(values):
    """Makes the preset that the flags name."""
    preset = PRESETS[values.preset]()
    if values.backbone:
        preset = preset.with_backbone(values.backbone)
    if values.budget is not None:
        preset = dataclasses.replace(preset, budget=values.budget or None)
    return preset.smoke() if values.smoke else preset
