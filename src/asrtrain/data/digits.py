"""The ten digits as words, and how a corpus of digits writes its labels."""

from __future__ import annotations

from typing import Literal

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

DigitText = Literal["words", "digits"]
"""Whether a digit's label is ``seven`` or ``7``."""


def digit_label(digit: int, text: DigitText) -> str:
    """How the digit is written: ``seven`` or ``7``."""
    return DIGITS[digit] if text == "words" else str(digit)
