"""Arrays that come with texts, one row a word: states of a pretrained model, prosody, gaze, or the rows of an image."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

FEATURES = "features"  # name of a modality that needs none
VALUES, LENGTHS = "values", "lengths"  # arrays of a file
UNREADABLE = (SafetensorError, zipfile.BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Features:
    """The rows of all texts, kept one after the other.

    Args:
        values: (N, F) of any real type; a batch takes its rows from it as float32, so that it may lie on disk.
        lengths: (S,) rows of each text.
        name: of the modality; what has one name is read alike (`architectures.multimodal`).

    Raises ValueError for other shapes, for lengths that are not whole numbers, and where they do not sum to the rows.
    """

    values: Tensor
    lengths: Tensor
    name: str = FEATURES

    def __post_init__(self) -> None:
        if self.values.dim() != 2 or self.lengths.dim() != 1:
            shapes = f"{tuple(self.values.shape)} and {tuple(self.lengths.shape)}"
            raise ValueError(f"{self.name}: values must be (rows, features) and lengths (texts,), got {shapes}")
        if self.lengths.is_floating_point():
            raise ValueError(f"{self.name}: lengths must be whole numbers, got {self.lengths.dtype}")
        if int(self.lengths.sum()) != len(self.values) or (len(self.lengths) and int(self.lengths.min()) < 0):
            raise ValueError(
                f"{self.name}: {int(self.lengths.sum()):,} rows by their lengths, {len(self.values):,} of values"
            )

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray], name: str = FEATURES) -> Self:
        """Return the features of texts, an array (rows, F) each; raises ValueError as the class."""
        lengths = torch.tensor([len(array) for array in arrays])
        return cls(torch.from_numpy(np.concatenate(arrays).astype(np.float32)), lengths, name)

    @classmethod
    def read(cls, file: Path | str, name: str = "") -> Self:
        """Return the features in a file with the arrays `values` and `lengths`, .safetensors or .npz.

        Of a .safetensors file values stay on disk (mapped into memory) until a batch wants them; an .npz file is read
        as a whole. `name` is that of the file by default; give files that tasks are to read alike one name.

        Raises FileNotFoundError, and ValueError that names the file where it is neither, damaged or lacks an array, and
        as the class.
        """
        file = Path(file)
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there")
        try:
            if file.suffix == ".npz":
                with file.open("rb") as stream, np.load(stream) as arrays:
                    values, lengths = (torch.from_numpy(arrays[part]) for part in (VALUES, LENGTHS))
            else:
                with safe_open(file, framework="pt") as tensors:
                    values, lengths = (tensors.get_tensor(part) for part in (VALUES, LENGTHS))
            return cls(values, lengths, name or file.stem)
        except UNREADABLE as error:
            wanted = f"an .npz or .safetensors file with {VALUES} (rows, features) and {LENGTHS} (texts,)"
            raise ValueError(f"{file}: {error}; wanted is {wanted}") from error

    def blank(self) -> list[Tensor]:
        """Return rows of padding as long as each text, for texts without words: their vectors are 0."""
        return [torch.zeros(length, dtype=torch.long) for length in self.lengths.tolist()]
