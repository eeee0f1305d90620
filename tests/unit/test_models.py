from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mt2st.models import ENCODERS, BiLSTM, Encoded, Encoder, LanguageModelHead, LinearHead, Model, Recurrent
from mt2st.tasks import TableTask, TokenTask

VOCABULARY, DIMENSIONS, HIDDEN = 20, 5, 16
WORDS = torch.tensor([[3, 7, 2, 9, 4, 1], [5, 2, 8, 0, 0, 0], [6, 0, 0, 0, 0, 0], [2, 3, 4, 5, 0, 0]])
LENGTHS = torch.tensor([6, 3, 1, 4])
REAL = torch.arange(6) < LENGTHS[:, None]  # (batch, time): not padding
READOUTS = [(kind, readout) for kind, encoder in ENCODERS.items() for readout in encoder.READOUTS]
each_kind = pytest.mark.parametrize("kind", ENCODERS)
each_readout = pytest.mark.parametrize(("kind", "readout"), READOUTS)
recurrent = pytest.mark.parametrize("kind", ["bilstm", "gru"])


def _encoder(kind: str = "bilstm", readout: str = "", dropout: float = 0.0) -> Encoder:
    torch.manual_seed(0)
    table = torch.randn(VOCABULARY, DIMENSIONS)
    table[0] = 0
    return ENCODERS[kind](table, HIDDEN, dropout, readout).eval()


def _recurrent(kind: str) -> Recurrent:
    encoder = _encoder(kind)
    assert isinstance(encoder, Recurrent)
    return encoder


def _packed_reference(encoder: Recurrent) -> tuple[Tensor, Tensor]:
    """Token and last states of PyTorch's own bidirectional network over packed sequences, with the same weights."""
    network = encoder.cell(DIMENSIONS, HIDDEN, batch_first=True, bidirectional=True)
    weights = {name: value.detach() for name, value in encoder.forwards.named_parameters()}
    weights |= {f"{name}_reverse": value.detach() for name, value in encoder.backwards.named_parameters()}
    network.load_state_dict(weights)
    x = nn.functional.embedding(WORDS, encoder.table)
    output, final = network(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
    final = final[0] if isinstance(final, tuple) else final  # of an LSTM without its memory
    return pad_packed_sequence(output, batch_first=True)[0], torch.cat([final[0], final[1]], dim=-1)


# --- States


@recurrent
def test_states_are_those_of_packed_bidirectional_networks(kind: str) -> None:
    encoder = _recurrent(kind)
    encoded = encoder(WORDS, LENGTHS)
    tokens, last = _packed_reference(encoder)
    assert encoded.tokens.shape == (4, 6, 2 * HIDDEN)
    torch.testing.assert_close(encoded.tokens[REAL], tokens[REAL], atol=1e-6, rtol=0)
    torch.testing.assert_close(encoded.sentence, last, atol=1e-6, rtol=0)
    torch.testing.assert_close(encoded.ahead[REAL], tokens[REAL][:, :HIDDEN], atol=1e-6, rtol=0)


@recurrent
def test_gradients_are_those_of_packed_bidirectional_networks(kind: str) -> None:
    encoder = _recurrent(kind)
    direction = torch.randn(4, 6, 2 * HIDDEN)
    ours = torch.autograd.grad((encoder(WORDS, LENGTHS).tokens * direction)[REAL].sum(), encoder.table)[0]
    tokens, _ = _packed_reference(encoder)
    theirs = torch.autograd.grad((tokens * direction)[REAL].sum(), encoder.table)[0]
    torch.testing.assert_close(ours[1:], theirs[1:], atol=1e-6, rtol=0)


def test_a_gru_has_three_quarters_of_an_lstms_parameters() -> None:
    bilstm, gru = (
        sum(p.numel() for p in _recurrent(kind).parameters()) - VOCABULARY * DIMENSIONS for kind in ("bilstm", "gru")
    )
    assert bilstm == 2 * 4 * HIDDEN * (DIMENSIONS + HIDDEN + 2)
    assert gru / bilstm == 0.75


@each_readout
def test_readouts_are_those_of_each_sentence_without_padding(kind: str, readout: str) -> None:
    encoder = _encoder(kind, readout)
    encoded = encoder(WORDS, LENGTHS)
    assert encoded.sentence.shape == (4, encoder.size)
    for i, n in enumerate(LENGTHS.tolist()):
        states = encoded.tokens[i, :n]
        half = encoder.size // 2
        expected = {
            "mean": states.mean(0),
            "max": states.max(0).values,
            "last": torch.cat([states[-1, :half], states[0, half:]]),  # each direction's last is at another end
        }[readout]
        torch.testing.assert_close(encoded.sentence[i], expected)


@pytest.mark.parametrize("filler", [0, 13])
@each_readout
def test_content_and_length_of_padding_do_not_matter(kind: str, readout: str, filler: int) -> None:
    encoder = _encoder(kind, readout)
    plain = encoder(WORDS, LENGTHS)
    filled = torch.where(REAL, WORDS, filler)
    encoded = encoder(torch.cat([filled, torch.full((4, 3), filler)], dim=1), LENGTHS)
    torch.testing.assert_close(encoded.tokens[:, :6][REAL], plain.tokens[REAL], atol=1e-6, rtol=0)
    torch.testing.assert_close(encoded.sentence, plain.sentence, atol=1e-6, rtol=0)


@each_readout
def test_a_batch_is_its_sentences_one_by_one(kind: str, readout: str) -> None:
    encoder = _encoder(kind, readout)
    together = encoder(WORDS, LENGTHS)
    for i, n in enumerate(LENGTHS.tolist()):
        alone = encoder(WORDS[i : i + 1, :n], LENGTHS[i : i + 1])
        torch.testing.assert_close(together.tokens[i, :n], alone.tokens[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(together.sentence[i], alone.sentence[0], atol=1e-6, rtol=0)


@each_readout
def test_only_a_bag_ignores_the_order_of_words(kind: str, readout: str) -> None:
    encoder = _encoder(kind, readout)
    one, other = (encoder(torch.tensor([words]), torch.tensor([4])).sentence for words in ([3, 7, 2, 9], [9, 2, 3, 7]))
    assert torch.allclose(one, other, atol=1e-6) == (kind == "bag")


def test_states_of_a_bag_are_the_vectors_of_its_words() -> None:
    encoder = _encoder("bag")
    encoded = encoder(WORDS, LENGTHS)
    assert torch.equal(encoded.tokens, encoder.table[WORDS])
    torch.testing.assert_close(encoded.sentence[1], encoder.table[[5, 2, 8]].mean(0))
    assert encoder.size == DIMENSIONS


@each_kind
def test_an_encoder_reads_what_it_reads_first_by_default_and_refuses_what_it_cannot(kind: str) -> None:
    assert _encoder(kind).readout == ENCODERS[kind].READOUTS[0]
    with pytest.raises(ValueError, match=f"{ENCODERS[kind].__name__}.*'median'.*mean, max"):
        _encoder(kind, "median")


def test_an_encoder_without_states_is_abstract() -> None:
    with pytest.raises(TypeError, match="define `states`"):
        Encoder(torch.zeros(3, 2), 1)(torch.tensor([[2]]), torch.tensor([1]))


# --- The table


@each_kind
def test_the_padding_row_gets_no_gradient(kind: str) -> None:
    encoder = _encoder(kind)
    encoder(WORDS, LENGTHS).tokens[REAL].sum().backward()
    assert encoder.table.grad is not None
    assert (encoder.table.grad[0] == 0).all()
    assert (encoder.table.grad[1:10].abs().sum(1) > 0).all()


@each_kind
def test_the_encoder_trains_a_copy_of_the_initial_vectors(kind: str) -> None:
    table = torch.randn(VOCABULARY, DIMENSIONS)
    encoder = ENCODERS[kind](table, HIDDEN)
    assert torch.equal(encoder.table, table)
    assert encoder.table.requires_grad
    with torch.no_grad():
        encoder.table.add_(1)
    assert not torch.equal(encoder.table, table)


# --- Heads

HEADS: dict[str, Callable[[Encoder], nn.Module]] = {
    "sentence": lambda encoder: LinearHead(encoder, 3, "sentence"),
    "tokens": lambda encoder: LinearHead(encoder, 3, "tokens"),
    "ahead": lambda encoder: LinearHead(encoder, 3, "ahead"),
    "language model": lambda encoder: LanguageModelHead(encoder, VOCABULARY),
}


def test_dropout_acts_in_training_only() -> None:
    encoder = _encoder(dropout=0.5)
    assert torch.equal(encoder(WORDS, LENGTHS).sentence, _encoder()(WORDS, LENGTHS).sentence)
    encoder.train()
    assert not torch.equal(encoder(WORDS, LENGTHS).sentence, encoder(WORDS, LENGTHS).sentence)


@pytest.mark.parametrize("name", HEADS)
def test_heads_drop_with_the_encoders_probability_in_training_only(name: str) -> None:
    encoder = _encoder(dropout=0.5)
    head, inputs = HEADS[name](encoder), [encoder(WORDS, LENGTHS)]
    inputs += [WORDS] if name == "language model" else []
    assert head.dropout.p == 0.5
    assert not torch.equal(head(*inputs), head(*inputs))
    head.eval()
    assert torch.equal(head(*inputs), head(*inputs))


@pytest.mark.parametrize(
    ("view", "shape"), [("sentence", (4, 2 * HIDDEN)), ("tokens", (4, 6, 2 * HIDDEN)), ("ahead", (4, 6, HIDDEN))]
)
def test_heads_are_linear_in_their_view_of_the_states(view: str, shape: tuple[int, ...]) -> None:
    encoder = _encoder()
    encoded = encoder(WORDS, LENGTHS)
    head = LinearHead(encoder, 7, view)  # type: ignore[arg-type]
    states = getattr(encoded, view)
    assert states.shape == shape
    torch.testing.assert_close(head(encoded), states @ head.linear.weight.T + head.linear.bias)


@recurrent
def test_the_view_ahead_has_not_seen_the_words_to_come(kind: str) -> None:
    encoder = _encoder(kind)
    head = LinearHead(encoder, 5, "ahead")
    lengths = torch.tensor([4])
    one, changed = (head(encoder(torch.tensor([words]), lengths)) for words in ([2, 3, 4, 5], [2, 3, 7, 8]))
    assert one.shape == (1, 4, 5)
    assert torch.equal(one[:, :2], changed[:, :2])
    assert not torch.isclose(one[:, 2:], changed[:, 2:]).all(-1).any()


class Windows(Encoder):
    """An encoder of one's own that sees both neighbours of a word."""

    size = 3 * DIMENSIONS

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        padded = nn.functional.pad(vectors, (0, 0, 1, 1))
        return Encoded(torch.cat([padded[:, :-2], vectors, padded[:, 2:]], dim=-1), lengths, self.readout)


@pytest.mark.parametrize("name", ["ahead", "language model", "task of what comes next"])
@pytest.mark.parametrize("kind", [ENCODERS["bag"], Windows])
def test_what_predicts_words_needs_states_that_have_not_seen_them(kind: type[Encoder], name: str) -> None:
    next_word = TokenTask("next", [torch.tensor([2, 3])], [torch.tensor([0, 1])], ["a", "b"], ahead=True)
    build = (HEADS | {"task of what comes next": next_word.head})[name]
    with pytest.raises(ValueError, match=f"{kind.__name__} has no states.*bilstm or gru"):
        build(kind(torch.randn(VOCABULARY, DIMENSIONS), HIDDEN))


# --- Language modelling


@recurrent
def test_language_model_loss_by_hand(kind: str) -> None:
    encoder = _recurrent(kind)
    head = LanguageModelHead(encoder, VOCABULARY)
    terms = []
    for i, n in enumerate(LENGTHS.tolist()):
        x = encoder.table[WORDS[i, :n]][None]
        ahead, behind = encoder.forwards(x)[0][0], encoder.backwards(x.flip(1))[0][0].flip(0)
        for j in range(n - 1):
            terms.append(-head.softmax.log_prob(ahead[j : j + 1])[0, WORDS[i, j + 1]])
            terms.append(-head.softmax.log_prob(behind[j + 1 : j + 2])[0, WORDS[i, j]])
    assert len(terms) == 2 * (5 + 2 + 0 + 3)
    torch.testing.assert_close(head(encoder(WORDS, LENGTHS), WORDS), torch.stack(terms).mean(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("changed", range(6))
def test_no_state_has_seen_the_word_it_predicts(changed: int) -> None:
    encoder = _encoder()
    head = LanguageModelHead(encoder, VOCABULARY)
    states: list[Tensor] = []
    head.softmax.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    other = WORDS[:1].clone()
    other[0, changed] = 17
    for words in (WORDS[:1], other):
        head(encoder(words, LENGTHS[:1]), words)
    same = (states[0] == states[1]).all(dim=1).tolist()
    # Rows 0–4 predict words 1–5 from the left, rows 5–9 words 0–4 from the right.
    expected = [changed > left for left in range(5)] + [changed < right for right in range(1, 6)]
    assert same == expected


def test_language_model_needs_a_vocabulary_and_states() -> None:
    with pytest.raises(ValueError, match="at least 8 rows, got 7"):
        LanguageModelHead(_encoder(), 7)
    assert LanguageModelHead(_encoder(), 8).softmax.cutoffs == [1, 2, 8]
    with pytest.raises(ValueError, match="at least 4 hidden units, got 3"):
        LanguageModelHead(BiLSTM(torch.zeros(9, 2), 3), 9)


# --- The model


def test_a_model_shares_one_encoder_and_has_a_head_for_each_task() -> None:
    encoder = _encoder()
    model = Model(encoder, {"topic": HEADS["sentence"](encoder), "tags": HEADS["tokens"](encoder)}).eval()
    assert [name for name, value in model.named_parameters() if value is model.table] == ["encoder.embedding.weight"]
    assert {id(p) for p in model.shared()} == {id(p) for p in encoder.parameters()}
    assert model.device == torch.device("cpu")
    for task in model.heads:
        assert torch.equal(model(task, WORDS, LENGTHS), model.heads[task](encoder(WORDS, LENGTHS)))
        assert torch.equal(model.encode(task, WORDS, LENGTHS).tokens, encoder(WORDS, LENGTHS).tokens)


@pytest.mark.parametrize("name", ["train.conll", "a.b/c", "half", "type", "", "ä ö"])
def test_a_task_may_have_any_name(name: str) -> None:
    encoder = _encoder()
    head = HEADS["sentence"](encoder)
    model = Model(encoder, {name: head})
    assert list(model.heads) == [name]
    assert torch.equal(model.eval()(name, WORDS, LENGTHS), head(encoder(WORDS, LENGTHS)))
    with pytest.raises(ValueError, match="no head for task 'other'; it has: "):
        model("other", WORDS, LENGTHS)


def test_a_model_of_tasks_has_a_head_for_each_that_has_one() -> None:
    tags = TokenTask("tags", [torch.tensor([2, 3])], [torch.tensor([0, 1])], ["a", "b"])
    pull = TableTask("pull", lambda table, rows: table[rows].sum(), [torch.tensor([[2, 3], [3, 4]])])
    model = Model.of(_encoder(), [tags, pull])
    assert list(model.heads) == ["tags"]
    assert isinstance(model.heads["tags"], LinearHead)
