"""The two modalities and the two directions of a retrieval, named once."""

MODALITIES = ("visible", "infrared")
DIRECTIONS = {  # query modality, gallery modality
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}
