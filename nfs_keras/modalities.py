"""The names of the two modalities and of the two search directions."""

MODALITIES = ("visible", "infrared")
DIRECTIONS = {
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}
