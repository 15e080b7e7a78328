"""The names of the two modalities and of the two search directions."""

MODALITIES = ("visible", "infrared")
DIRECTIONS = {
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}


def check_modality(modality):
    """Raises `ValueError` for a modality that does not exist."""
    if modality not in MODALITIES:
        raise ValueError(
            f"`modality` must be one of {MODALITIES}. "
            f"Received: modality={modality!r}. "
            "Pass the modality of the images."
        )
