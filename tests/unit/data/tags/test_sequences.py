import pytest

from mt2st.data import sources as registry
from mt2st.data.files.errors import MissingData
from mt2st.data.tags import sequences

PACKAGE = {"conll2002-esp": "conll2002", "conll2002-ned": "conll2002", "streusle-mwe": "streusle"}
FETCHED = [name for name in sequences.CORPORA if not name.startswith("wiki-")]


@pytest.mark.usefixtures("empty_mirror")
@pytest.mark.parametrize("name", FETCHED)
def test_a_missing_corpus_says_how_to_get_it(name: str) -> None:
    source = PACKAGE.get(name, name)
    assert source in registry.SOURCES
    with pytest.raises(MissingData, match=rf"needs (NLTK's )?\w+.*`mt2st data fetch {source}`"):
        sequences.load(name)
    with pytest.raises(MissingData, match=f"`mt2st data fetch {source}`"):
        sequences.locate(name)


@pytest.mark.usefixtures("empty_mirror")
@pytest.mark.parametrize("name", ["compression", "ccgbank"])
def test_a_corpus_that_is_not_downloaded_says_where_to_put_it(name: str) -> None:
    with pytest.raises(MissingData, match=rf"needs {name}: put .* into .*downloads or a folder named by MT2ST_DATA"):
        sequences.fetch(name)


def test_an_unknown_corpus_is_refused_with_the_known_ones() -> None:
    for function in (sequences.load, sequences.locate, sequences.fetch):
        with pytest.raises(ValueError, match="unknown tagged corpus 'ptb'; known: ud-ewt, treebank, uner-ewt, wnut-17"):
            function("ptb")


def test_every_corpus_has_a_task_and_every_task_of_the_study_a_corpus() -> None:
    assert sequences.TASKS.keys() == sequences.CORPORA.keys()
    assert {"CCG", "CHU", "COM", "FNT", "POS", "HYP", "KEY", "MWE", "SEM", "STR"} <= set(sequences.TASKS.values())
