import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mt2st.models import Encoder, ForwardTokenHead, LanguageModelHead, Model, SentenceHead, TokenHead

VOCABULARY, DIMENSIONS, HIDDEN = 20, 5, 16
WORDS = torch.tensor([[3, 7, 2, 9, 4, 1], [5, 2, 8, 0, 0, 0], [6, 0, 0, 0, 0, 0], [2, 3, 4, 5, 0, 0]])
LENGTHS = torch.tensor([6, 3, 1, 4])
REAL = torch.arange(6) < LENGTHS[:, None]  # (batch, time): not padding


def _encoder(dropout: float = 0.0) -> Encoder:
    torch.manual_seed(0)
    table = torch.randn(VOCABULARY, DIMENSIONS)
    table[0] = 0
    return Encoder(table, HIDDEN, dropout).eval()


def _packed_reference(encoder: Encoder, words: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Token and sentence states of PyTorch's bidirectional LSTM over packed sequences, with the encoder's weights."""
    lstm = nn.LSTM(DIMENSIONS, HIDDEN, batch_first=True, bidirectional=True)
    weights = {name: value.detach() for name, value in encoder.forwards.named_parameters()}
    weights |= {f"{name}_reverse": value.detach() for name, value in encoder.backwards.named_parameters()}
    lstm.load_state_dict(weights)
    x = nn.functional.embedding(words, encoder.table)
    output, (final, _) = lstm(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(output, batch_first=True)[0], torch.cat([final[0], final[1]], dim=-1)


def test_states_are_those_of_a_packed_bidirectional_lstm() -> None:
    encoder = _encoder()
    encoded = encoder(WORDS, LENGTHS)
    tokens, sentence = _packed_reference(encoder, WORDS, LENGTHS)
    assert encoded.tokens.shape == (4, 6, 2 * HIDDEN)
    torch.testing.assert_close(encoded.tokens[REAL], tokens[REAL], atol=1e-6, rtol=0)
    torch.testing.assert_close(encoded.sentence, sentence, atol=1e-6, rtol=0)


def test_gradients_are_those_of_a_packed_bidirectional_lstm() -> None:
    encoder = _encoder()
    direction = torch.randn(4, 6, 2 * HIDDEN)
    ours = torch.autograd.grad((encoder(WORDS, LENGTHS).tokens * direction)[REAL].sum(), encoder.table)[0]
    tokens, _ = _packed_reference(encoder, WORDS, LENGTHS)
    theirs = torch.autograd.grad((tokens * direction)[REAL].sum(), encoder.table)[0]
    torch.testing.assert_close(ours[1:], theirs[1:], atol=1e-6, rtol=0)


@pytest.mark.parametrize("filler", [0, 1, 13])
def test_content_and_length_of_padding_do_not_matter(filler: int) -> None:
    encoder = _encoder()
    plain = encoder(WORDS, LENGTHS)
    filled = torch.where(REAL, WORDS, filler)
    longer = torch.cat([filled, torch.full((4, 3), filler)], dim=1)
    encoded = encoder(longer, LENGTHS)
    torch.testing.assert_close(encoded.tokens[:, :6][REAL], plain.tokens[REAL], atol=1e-6, rtol=0)
    torch.testing.assert_close(encoded.sentence, plain.sentence, atol=1e-6, rtol=0)


def test_a_batch_is_its_sentences_one_by_one() -> None:
    encoder = _encoder()
    together = encoder(WORDS, LENGTHS)
    for i, n in enumerate(LENGTHS.tolist()):
        alone = encoder(WORDS[i : i + 1, :n], LENGTHS[i : i + 1])
        torch.testing.assert_close(together.tokens[i, :n], alone.tokens[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(together.sentence[i], alone.sentence[0], atol=1e-6, rtol=0)


def test_the_padding_row_gets_no_gradient() -> None:
    encoder = _encoder()
    encoder(WORDS, LENGTHS).tokens.sum().backward()
    assert encoder.table.grad is not None
    assert (encoder.table.grad[0] == 0).all()
    assert (encoder.table.grad[1:10].abs().sum(1) > 0).all()


def test_the_encoder_trains_a_copy_of_the_initial_vectors() -> None:
    table = torch.randn(VOCABULARY, DIMENSIONS)
    encoder = Encoder(table, HIDDEN)
    assert torch.equal(encoder.table, table)
    assert encoder.table.requires_grad
    with torch.no_grad():
        encoder.table.add_(1)
    assert not torch.equal(encoder.table, table)


def test_dropout_acts_in_training_only() -> None:
    encoder = _encoder(dropout=0.5)
    assert torch.equal(encoder(WORDS, LENGTHS).sentence, encoder(WORDS, LENGTHS).sentence)
    assert torch.equal(encoder(WORDS, LENGTHS).sentence, _encoder()(WORDS, LENGTHS).sentence)
    encoder.train()
    assert not torch.equal(encoder(WORDS, LENGTHS).sentence, encoder(WORDS, LENGTHS).sentence)

    encoded = encoder.eval()(WORDS, LENGTHS)
    language_model = LanguageModelHead(encoder, VOCABULARY)
    for head in (SentenceHead(encoder, 3), TokenHead(encoder, 3), lambda states: language_model(states, WORDS)):
        assert not torch.equal(head(encoded), head(encoded))
    for head in (SentenceHead(encoder, 3).eval(), TokenHead(encoder, 3).eval()):
        assert torch.equal(head(encoded), head(encoded))
    assert language_model.dropout.p == 0.5


def test_heads_are_linear_in_their_states() -> None:
    encoder = _encoder()
    encoded = encoder(WORDS, LENGTHS)
    sentences, tokens = SentenceHead(encoder, 3), TokenHead(encoder, 7)
    logits = encoded.sentence @ sentences.linear.weight.T + sentences.linear.bias
    torch.testing.assert_close(sentences(encoded), logits)
    assert logits.shape == (4, 3)
    logits = encoded.tokens @ tokens.linear.weight.T + tokens.linear.bias
    torch.testing.assert_close(tokens(encoded), logits)
    assert logits.shape == (4, 6, 7)


def test_language_model_loss_by_hand() -> None:
    encoder = _encoder()
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


def test_language_model_probabilities_sum_to_one() -> None:
    encoder = _encoder()
    head = LanguageModelHead(encoder, VOCABULARY)
    probabilities = head.softmax.log_prob(encoder(WORDS, LENGTHS).ahead[:, 0]).exp()
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))
    assert probabilities.shape == (4, VOCABULARY)


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


def test_language_model_needs_a_vocabulary() -> None:
    with pytest.raises(ValueError, match="at least 8 rows, got 7"):
        LanguageModelHead(_encoder(), 7)
    assert LanguageModelHead(_encoder(), 8).softmax.cutoffs == [1, 2, 8]


def test_a_model_shares_one_encoder() -> None:
    encoder = _encoder()
    model = Model(encoder, {"topic": SentenceHead(encoder, 3), "language-model": LanguageModelHead(encoder, 20)})
    tables = [name for name, value in model.named_parameters() if value is encoder.table]
    assert tables == ["encoder.embedding.weight"]
    assert sum(p.numel() for p in model.encoder.parameters()) == VOCABULARY * DIMENSIONS + 2 * (
        4 * HIDDEN * (DIMENSIONS + HIDDEN + 2)
    )
    assert model.encoder.hidden == HIDDEN


def test_the_forward_head_has_not_seen_the_words_to_come() -> None:
    torch.manual_seed(0)
    encoder = Encoder(torch.randn(9, 4), hidden=3)
    head = ForwardTokenHead(encoder, 5)
    sentence, lengths = torch.tensor([[2, 3, 4, 5]]), torch.tensor([4])
    other = torch.tensor([[2, 3, 7, 8]])
    one, changed = head(encoder(sentence, lengths)), head(encoder(other, lengths))
    assert one.shape == (1, 4, 5)
    assert torch.equal(one[:, :2], changed[:, :2])
    assert not torch.isclose(one[:, 2:], changed[:, 2:]).all(-1).any()
