"""Child process of `vectors.train`: `python -m mt2st.data.train_vectors FOLDER`."""

import json
import sys
from pathlib import Path

import numpy as np
from gensim.models import FastText, Word2Vec

# FastText hashes character n-grams into this many rows; gensim's default of 2 million fills 800 MB for no better
# vectors of a vocabulary of ten thousand words.
BUCKETS = 100_000


def main(folder: Path) -> None:
    """Read text.txt and request.json in `folder`, write vectors.npz there."""
    request = json.loads((folder / "request.json").read_text())
    sentences = [line.split(" ") for line in (folder / "text.txt").read_text(encoding="utf-8").splitlines()]
    options = {
        "sentences": sentences,
        "vector_size": request["dimensions"],
        "window": 5,
        "min_count": 5,
        "sg": int(request["name"].startswith("SkipGram")),
        "seed": request["seed"],
        "workers": 1,
    }
    is_fasttext = request["name"].endswith("FastText")
    model = FastText(bucket=BUCKETS, **options) if is_fasttext else Word2Vec(**options)
    np.savez(folder / "vectors.npz", words=np.array(model.wv.index_to_key), vectors=model.wv.vectors)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
