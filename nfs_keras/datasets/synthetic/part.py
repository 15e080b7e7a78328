"""What a pixel of a drawn person belongs to."""

from enum import IntEnum


class Part(IntEnum):
    """Parts of a drawn person, each of one colour and one temperature."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    HAT = 3
    UPPER = 4
    SLEEVE = 5
    PATTERN = 6
    INNER = 7
    LOWER = 8
    STRIPE = 9
    SHOE = 10
    SOCK = 11
    BAG = 12
    STRAP = 13
    SCARF = 14
