"""Files of tagged sentences in which the word tells the tag."""

from pathlib import Path

import numpy as np

COLOURS, NUMBERS = ("red", "green", "blue"), ("one", "two", "three")


def write(file: Path, is_tagged: tuple[str, ...], sentences: int = 80, seed: int = 0) -> Path:
    """Write random sentences in which some words are tagged."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(sentences):
        words = [str(word) for word in rng.choice([*COLOURS, *NUMBERS, "."], rng.integers(3, 8))]
        lines += [f"{word}\t{'B-X' if word in is_tagged else 'O'}" for word in words] + [""]
    file.write_text("\n".join(lines) + "\n")
    return file
