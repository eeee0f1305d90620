"""Child process of `vectors.train`: `python -m mt2st.data.train_vectors FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import FastText, Word2Vec

# FastText hashes character n-grams into this many rows; gensim's default of 2 million fills 800 MB for no better
# vectors of a vocabulary of ten thousand words.
BUCKETS = 100_000


def main(request: dict[str, Any], file: Path) -> None:
    """Train what is asked for and write `file`, an .npz with the UTF-8 bytes of the words, one a line, and vectors."""
    options = {
        "sentences": request["sentences"],
        "vector_size": request["dimensions"],
        "window": 5,
        "min_count": request["min_count"],
        "sg": int(request["name"].startswith("SkipGram")),
        "seed": request["seed"],
        "workers": 1,
    }
    is_fasttext = request["name"].endswith("FastText")
    model = FastText(bucket=BUCKETS, **options) if is_fasttext else Word2Vec(**options)
    rare = [word for word in request["rare"] if word not in model.wv.key_to_index]
    rows = np.concatenate([model.wv.vectors, *(model.wv[word][None] for word in rare)])  # of its n-grams
    words = "\n".join([*model.wv.index_to_key, *rare]).encode()
    np.savez(file, words=np.frombuffer(words, dtype=np.uint8), vectors=rows)


if __name__ == "__main__":
    main(json.load(sys.stdin), Path(sys.argv[1]))
