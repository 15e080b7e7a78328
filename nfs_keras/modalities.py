"""The two modalities and the two directions of a search, named once."""

MODALITIES = ("visible", "infrared")
DIRECTIONS = {
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}
