"""Refuses arguments that no dataset can be drawn from."""

from nfs_keras.datasets.synthetic.picture import Recipe


def check_integer(name: str, value, least: int) -> None:
    """Refuses what is not an int of at least `least`."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if not is_int or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}. "
            f"Pass {least} or more."
        )


def check_choice(name: str, value, choices) -> None:
    """Refuses what is not one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}. "
            "Pass one of them."
        )


def check_recipe(recipe: Recipe) -> None:
    """Refuses a recipe with a bad seed, image shape or difficulty."""
    check_integer("seed", recipe.seed, 0)
    shape, difficulty = recipe.image_shape, recipe.difficulty
    sides = [side for side in shape if isinstance(side, int) and side >= 16]
    if len(shape) != 2 or len(sides) != 2:
        raise ValueError(
            "`image_shape` must be two integers of at least 16. "
            f"Received: image_shape={shape!r}. "
            "Pass (height, width) in pixels, such as (128, 64)."
        )
    if not 0 <= difficulty <= 1:
        raise ValueError(
            "`difficulty` must lie between 0 and 1. "
            f"Received: difficulty={difficulty!r}. "
            "Pass 0 for pictures that hardly vary, 1 for the hardest."
        )
