from collections import Counter

import numpy as np
import pytest
import torch
from scipy import special, stats

from mt2st.models import Bag, Model
from mt2st.tasks import SkipGramTask


def skip_gram() -> SkipGramTask:
    """Skip-gram on two texts of known words 2 to 11, with unknown ones between, and one that is too short."""
    texts = [torch.tensor([2, 3, 1, 4, 5, 6]), torch.tensor([7, 8, 1, 9, 10, 11]), torch.tensor([1, 12, 1])]
    return SkipGramTask("skip-gram", texts, size=4, window=2, negatives=3)


def test_contexts_are_the_neighbours_of_each_word_in_its_own_text() -> None:
    task, generator = skip_gram(), torch.Generator().manual_seed(1)
    pairs: Counter[tuple[int, int]] = Counter()
    drawn: Counter[int] = Counter()
    for _ in range(2_000):
        words = []
        for batch, contexts, negatives in task.batches(99, generator):
            assert len(batch) <= 4 and negatives.shape == (len(batch), 3)
            pairs.update(zip(batch.tolist(), contexts.tolist(), strict=True))
            drawn.update(negatives.flatten().tolist())
            words += batch.tolist()
        assert sorted(words) == list(range(2, 12))  # each once, the unknown ones and the short text left out
    for text in ([2, 3, 4, 5, 6], [7, 8, 9, 10, 11]):
        for at, word in enumerate(text):
            near = [other for i, other in enumerate(text) if 0 < abs(i - at) <= 2]
            counts = [pairs.pop((word, other)) for other in near]
            assert sum(counts) == 2_000
            assert stats.chisquare(counts).pvalue > 1e-4
    assert not pairs
    assert stats.chisquare([drawn[word] for word in range(2, 12)]).pvalue > 1e-4
    assert set(drawn) == set(range(2, 12))


def test_negatives_are_drawn_by_frequency_to_the_three_quarters() -> None:
    task = SkipGramTask("skip-gram", [torch.tensor([2] * 81 + [3] * 16 + [4])], size=98, negatives=50)
    ((_, _, negatives),) = task.batches(1, torch.Generator().manual_seed(1))
    counts = torch.bincount(negatives.flatten(), minlength=5)[2:]
    shares = np.array([27, 8, 1]) / 36
    assert stats.chisquare(counts.numpy(), shares * negatives.numel()).pvalue > 1e-3


def test_the_loss_of_skip_gram_is_that_of_word2vec() -> None:
    task = skip_gram()
    model = Model.of(Bag(torch.randn(13, 4)), [task])
    contexts = model.heads["skip-gram"]
    assert contexts.weight.shape == (13, 4) and not contexts.weight.any()
    with torch.no_grad():
        contexts.weight.normal_()
    words, near, far = batch = next(task.batches(4, None))
    v, u = model.table.detach().numpy(), contexts.weight.detach().numpy()
    sigmoid = special.expit
    expected = [
        -np.log(sigmoid(v[w] @ u[c])) - sum(np.log(sigmoid(-v[w] @ u[n])) for n in ns)
        for w, c, ns in zip(words.tolist(), near.tolist(), far.tolist(), strict=True)
    ]
    loss = task.loss(model, batch)
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-5)
    loss.backward()
    moved = model.table.grad.abs().sum(1).nonzero().flatten().tolist()
    assert moved == sorted(set(words.tolist()))
    assert [next(task.batches(4, None))[0].tolist() for _ in range(2)] == [words.tolist()] * 2
    with pytest.raises(ValueError, match="task 'skip-gram' has no text with two known words"):
        SkipGramTask("skip-gram", [torch.tensor([1, 5])])
