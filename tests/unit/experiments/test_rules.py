"""Words labelled by a rule."""

from pathlib import Path

import pytest

from mt2st.data.dataset import Dataset
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries, rules
from mt2st.experiments.runs import Configuration
from mt2st.tasks import TokenTask

TEXTS = [["The", "USA", "won", "12", "medals"], ["so", "did", "NATO"]]


def test_a_regular_expression_holds_for_whole_words_as_they_are_written() -> None:
    assert rules.tags("rule:[A-Z]{2,}", TEXTS) == [["no", "yes", "no", "no", "no"], ["no", "no", "yes"]]
    assert rules.tags(r"rule:\d+|so", TEXTS) == [["no", "no", "no", "yes", "no"], ["yes", "no", "no"]]


def test_a_list_holds_for_its_words_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nato\n\n the \n")
    assert rules.tags(f"words:{tmp_path / 'list.txt'}", TEXTS) == [["yes", *["no"] * 4], ["no", "no", "yes"]]


def test_a_rule_is_an_auxiliary_task_on_the_words_of_the_text(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    words = [word for text in toy_dataset.background.tokens for word in text]
    task = auxiliaries.build(f"rule:{words[0]}", toy_dataset, toy_table, Configuration())
    assert isinstance(task, TokenTask)
    assert task.classes == ("no", "yes")
    assert task.tags.tolist() == [int(word == words[0]) for word in words]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("rule:(", ValueError, r"'rule:\(' is no regular expression: "),
        ("rule:.*", ValueError, "holds for every word of the text: there is nothing to learn"),
        ("rule:zebra", ValueError, "holds for no word of the text"),
        ("words:none.txt", FileNotFoundError, "none.txt is not there; give a file with a word a line after words:"),
    ],
)
def test_rules_that_teach_nothing_are_refused(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rules.tags(name, TEXTS)


def test_a_list_without_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"list\.txt has no words; give one a line"):
        rules.tags(f"words:{tmp_path / 'list.txt'}", TEXTS)
