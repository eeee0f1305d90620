import bz2
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gensim.test.utils import datapath
from hypothesis import given
from hypothesis import strategies as some

from mt2st.data.dataset import Dataset, Examples, Sizes
from mt2st.data.tags.taggings import marks_to_iob2
from mt2st.data.texts import wiki

PEOPLE = {
    "Abraham Lincoln", "Albert Einstein", "Albert Sidney Johnston", "Aldous Huxley", "Allan Dwan", "Alain Connes",
    "Andre Agassi", "Andrei Tarkovsky", "Aristotle", "Arthur Schopenhauer", "Ayn Rand",
}  # fmt: skip
PLACES = {
    "Afghanistan", "Alabama", "Alaska", "Albania", "Alberta", "Algeria", "Andorra", "Angola", "Aruba", "Asia",
    "Atlantic Ocean", "Azerbaijan",
}  # fmt: skip
PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def articles_of(small_topic: Dataset) -> dict[tuple[str, ...], set[tuple[str, str]]]:
    """Return the (article, topic) pairs in which each lower-cased sentence stands."""
    found: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for article, topic, tokens in wiki.sentences()[["article", "topic", "tokens"]].itertuples(index=False):
        found.setdefault(lower(tokens), set()).add((article, topic))
    return found


def lower(tokens: np.ndarray) -> tuple[str, ...]:
    return tuple(word.lower() for word in tokens)


def parts_of(dataset: Dataset) -> dict[str, Examples]:
    return {name: getattr(dataset, name) for name in PARTS}


def test_all_106_articles_of_the_dump_are_there_in_its_order() -> None:
    titles = []
    with bz2.open(datapath(wiki.DUMP)) as stream:
        for _, element in ET.iterparse(stream):
            if element.tag.endswith("}page"):
                if element.findtext("{*}ns") == "0" and element.find("{*}redirect") is None:
                    titles.append(element.findtext("{*}title"))
                element.clear()
    assert len(titles) == 106
    assert wiki.sentences()["article"].unique().tolist() == titles


def test_the_11_people_and_12_places_are_who_they_should_be() -> None:
    topics = wiki.sentences().groupby("topic")["article"].unique()
    assert set(topics["person"]) == PEOPLE
    assert set(topics["place"]) == PLACES
    assert len(topics["other"]) == 106 - 11 - 12


def test_sentences_and_tokens_are_counted() -> None:
    frame = wiki.sentences()
    assert frame.groupby("topic").size().to_dict() == {"other": 13366, "person": 3306, "place": 4606}
    assert int(frame["tokens"].map(len).sum()) == 508175


def test_sentences_have_5_to_100_tokens_at_least_half_of_them_words() -> None:
    tokens = wiki.sentences()["tokens"]
    lengths = tokens.map(len)
    assert lengths.between(5, 100).all()
    assert lengths.min() == 5
    assert (tokens.map(lambda words: sum(word.isalpha() for word in words)) >= lengths / 2).all()


def test_the_first_sentence_on_alabama_carries_its_links_and_its_bold_name() -> None:
    frame = wiki.sentences()
    first = frame[frame["article"] == "Alabama"].iloc[0]
    text = "Alabama ( ) is a state located in the southeastern region of the United States ."
    assert " ".join(first["tokens"]) == text
    linked = [word for word, inside in zip(first["tokens"], first["hyperlink"], strict=True) if inside]
    assert linked == ["state", "southeastern", "region", "United", "States"]
    assert [word for word, inside in zip(first["tokens"], first["emphasis"], strict=True) if inside] == ["Alabama"]


def test_every_token_has_both_tags_and_they_are_0_or_1() -> None:
    frame = wiki.sentences()
    for name, share in [("hyperlink", 0.08), ("emphasis", 0.02)]:
        assert (frame[name].map(len) == frame["tokens"].map(len)).all()
        tags = np.concatenate(frame[name].tolist())
        assert set(tags.tolist()) == {0, 1}
        assert tags.mean() == pytest.approx(share, abs=0.005)


def test_no_markup_is_left_in_the_text() -> None:
    words = set(np.concatenate(wiki.sentences()["tokens"].tolist()))
    assert not {word for word in words if "[[" in word or "{{" in word or "<ref" in word}


def test_the_text_is_read_from_the_cache_once_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    wiki.sentences()

    def refuse() -> pd.DataFrame:
        raise AssertionError("parsed again")

    monkeypatch.setattr(wiki, "_parse", refuse)
    pd.testing.assert_frame_equal(wiki.sentences.__wrapped__(), wiki.sentences())


def test_without_a_cache_the_text_is_parsed_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = pd.DataFrame({"article": ["A"], "topic": ["other"], "tokens": [["a", "b"]]})
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path))
    monkeypatch.setattr(wiki, "_parse", lambda: parsed)
    assert wiki.sentences.__wrapped__()["tokens"].map(list).tolist() == [["a", "b"]]
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".lock", ".parquet"]


@pytest.mark.parametrize(
    ("source", "topic"),
    [
        ("[[Category:Living people]]", "person"),
        ("[[Category:1815 births|Lovelace]]", "person"),
        ("[[category: 322 BC deaths]]", "person"),
        ("1815 births in [[Category:Statistics]]", "other"),
        ("[[Category:Birthstones]]", "other"),
        ("{{Infobox settlement|name=X}}", "place"),
        ("{{ infobox country }}", "place"),
        ("{{Infobox U.S. state|name=X}}", "place"),
        ("{{Infobox U.S. state symbols}}", "other"),
        ("{{coord|1|N|2|E|display=inline,title}}", "place"),
        ("{{Coord|1|N|2|E|display = title}}", "place"),
        ("{{coord|1|N|2|E|display=inline}}", "other"),
        ("{{Infobox settlement}} [[Category:1900 births]]", "person"),
        ("nothing of the kind", "other"),
    ],
)
def test_topic_of_an_article(source: str, topic: str) -> None:
    assert wiki.topic_of(source) == topic


def test_classes_are_balanced_in_every_part(small_topic: Dataset) -> None:
    assert small_topic.classes == ("person", "place", "other")
    assert small_topic.counts() == {
        part: dict.fromkeys(("person", "place", "other"), size) for part, size in zip(PARTS, (40, 20, 20), strict=True)
    }


def test_labels_are_the_topics_of_the_sentences_articles(
    small_topic: Dataset, articles_of: dict[tuple[str, ...], set[tuple[str, str]]]
) -> None:
    for part in parts_of(small_topic).values():
        for text, label in zip(part.texts, part.labels, strict=True):
            assert small_topic.classes[label] in {topic for _, topic in articles_of[tuple(text)]}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_article_is_in_two_parts_nor_a_held_out_one_in_the_background(
    seed: int, articles_of: dict[tuple[str, ...], set[tuple[str, str]]]
) -> None:
    dataset = wiki.load(seed, Sizes(200, 100, 150))
    texts = {name: [tuple(text) for text in part.texts] for name, part in parts_of(dataset).items()}
    texts["background"] = [lower(tokens) for tokens in dataset.background.tokens]
    # A few sentences stand in two articles; the others say which article they are from.
    articles = {
        name: {next(iter(articles_of[text]))[0] for text in part if len(articles_of[text]) == 1}
        for name, part in texts.items()
    }
    assert articles["train"] <= articles["background"]
    for one, other in [("train", "validation"), ("train", "test"), ("validation", "test")]:
        assert not articles[one] & articles[other]
    assert not articles["background"] & (articles["validation"] | articles["test"])


def test_the_background_is_all_text_of_its_articles_with_both_tags(
    small_topic: Dataset, articles_of: dict[tuple[str, ...], set[tuple[str, str]]]
) -> None:
    background = small_topic.background
    inside = {next(iter(articles_of[lower(t)]))[0] for t in background.tokens if len(articles_of[lower(t)]) == 1}
    frame = wiki.sentences()
    whole = frame[frame["article"].isin(inside)]
    assert [list(tokens) for tokens in background.tokens] == whole["tokens"].map(list).tolist()
    for name, kind in [("hyperlink", "link"), ("emphasis", "emphasis")]:
        assert background.tags[name] == [marks_to_iob2(marks, kind) for marks in whole[name]]


def test_the_background_keeps_case_and_the_examples_do_not(small_topic: Dataset) -> None:
    assert any(word != word.lower() for tokens in small_topic.background.tokens for word in tokens)
    assert all(word == word.lower() for part in parts_of(small_topic).values() for text in part.texts for word in text)


def test_a_quarter_of_each_topics_articles_is_tested_and_a_fifth_validated() -> None:
    frame = wiki.sentences()
    part_of = wiki.split_articles(frame, np.random.default_rng(0))
    topic_of = dict(zip(frame["article"], frame["topic"], strict=True))
    counts = Counter((topic_of[article], part) for article, part in part_of.items())
    expected = {"person": (6, 2, 3), "place": (7, 2, 3), "other": (45, 17, 21)}  # 83 / 5 = 16.6, 83 / 4 = 20.75
    assert {topic: tuple(counts[topic, part] for part in PARTS) for topic in expected} == expected


@given(
    counts=some.tuples(*[some.integers(5, 40)] * 3),
    repeats=some.integers(1, 3),
    seed=some.integers(0, 2**32 - 1),
)
def test_every_article_is_in_one_part_and_parts_have_their_shares(
    counts: tuple[int, int, int], repeats: int, seed: int
) -> None:
    articles = [(f"{topic} {i}", topic) for topic, n in zip(wiki.TOPICS, counts, strict=True) for i in range(n)]
    frame = pd.DataFrame(articles * repeats, columns=["article", "topic"])
    part_of = wiki.split_articles(frame, np.random.default_rng(seed))
    assert part_of.keys() == {article for article, _ in articles}
    for topic, n in zip(wiki.TOPICS, counts, strict=True):
        found = Counter(part_of[article] for article, of in articles if of == topic)
        test, validation = max(2, round(n / 4)), max(2, round(n / 5))
        assert found == {"test": test, "validation": validation, "train": n - test - validation}


def test_no_sentence_is_drawn_twice(small_topic: Dataset) -> None:
    frame = wiki.sentences()
    repeated = frame["tokens"].map(lower).value_counts()
    once = set(repeated.index[repeated == 1])
    texts = [tuple(text) for part in parts_of(small_topic).values() for text in part.texts if tuple(text) in once]
    assert len(texts) == len(set(texts)) > 200


def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(small_topic: Dataset) -> None:
    again, other = wiki.load(0, Sizes(40, 20, 20)), wiki.load(1, Sizes(40, 20, 20))
    assert again.train.texts == small_topic.train.texts
    assert again.test.texts == small_topic.test.texts
    assert other.train.texts != small_topic.train.texts


def test_too_many_sentences_are_refused_naming_topic_part_and_number() -> None:
    with pytest.raises(ValueError, match=r"topic 'person' has \d+ test sentences, 5000 were asked for"):
        wiki.load(0, Sizes(10, 10, 5000))


def test_the_data_set_names_the_dump(small_topic: Dataset) -> None:
    assert small_topic.files == (Path(datapath(wiki.DUMP)),)
