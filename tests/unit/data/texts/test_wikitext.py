import pytest

from mt2st.data.texts.wikitext import MarkedText, strip_markup


def marked(result: MarkedText, kind: str) -> list[str]:
    """Return the text of the spans of one kind."""
    return [result.text[start:end] for start, end in result.spans[kind]]


def test_a_sentence_keeps_its_words_and_the_places_of_its_markup() -> None:
    result = strip_markup("'''Paris''' is the capital of [[France|the French Republic]].")
    assert result.text == "Paris is the capital of the French Republic."
    assert result.spans == {"emphasis": [(0, 5)], "hyperlink": [(24, 43)]}


@pytest.mark.parametrize(
    ("source", "text", "anchors"),
    [
        ("[[Rome]] fell", "Rome fell", ["Rome"]),
        ("[[Rome|The city]] fell", "The city fell", ["The city"]),
        ("two [[bus]]es", "two buses", ["bus"]),
        ("[[Rome|]] fell", " fell", []),
        ("a [[Star Wars: A New Hope|film]]", "a film", ["film"]),
    ],
)
def test_link_anchors(source: str, text: str, anchors: list[str]) -> None:
    result = strip_markup(source)
    assert result.text == text
    assert marked(result, "hyperlink") == anchors


@pytest.mark.parametrize(
    "source",
    ["[[File:Map.png|thumb|A map]]", "[[Category:Cities]]", "[[fr:Rome]]", "[[ Image:Map.png ]]", "[[:de:Rom]]"],
)
def test_links_to_files_categories_and_languages_leave_nothing(source: str) -> None:
    result = strip_markup(f"before {source}after")
    assert result.text == "before after"
    assert result.spans["hyperlink"] == []


def test_an_external_link_leaves_its_title_which_is_no_anchor() -> None:
    result = strip_markup("see [http://example.org the site] and [http://example.org]")
    assert result.text == "see the site and "
    assert result.spans["hyperlink"] == []


@pytest.mark.parametrize(
    ("source", "text", "emphasised"),
    [
        ("''one'' two", "one two", ["one"]),
        ("'''one''' two", "one two", ["one"]),
        ("'''''one''''' two", "one two", ["one"]),
        ("'''one ''two''''' three", "one two three", ["one two"]),
        ("one <b>two</b> <i>three</i>", "one two three", ["two", "three"]),
        ("''one'' and '''two'''", "one and two", ["one", "two"]),
        ("it''''s'''", "it's", ["s"]),
    ],
)
def test_emphasis(source: str, text: str, emphasised: list[str]) -> None:
    result = strip_markup(source)
    assert result.text == text
    assert marked(result, "emphasis") == emphasised


def test_quotes_that_a_line_leaves_open_are_dropped_and_do_not_reach_the_next_line() -> None:
    result = strip_markup("''open\nplain ''closed'' end")
    assert result.text == "open\nplain closed end"
    assert marked(result, "emphasis") == ["closed"]


def test_a_single_apostrophe_is_text() -> None:
    result = strip_markup("the city's wall")
    assert result.text == "the city's wall"
    assert result.spans["emphasis"] == []


def test_emphasis_inside_a_link_moves_the_link_with_the_removed_quotes() -> None:
    result = strip_markup("A ''b'' [[Ship|the ''Titanic'']] sank, [[Iceland]]")
    assert result.text == "A b the Titanic sank, Iceland"
    assert marked(result, "hyperlink") == ["the Titanic", "Iceland"]
    assert marked(result, "emphasis") == ["b", "Titanic"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<ref>Smith 1999</ref>",
        '<ref name="x" />',
        "{{citation needed}}",
        "{{Infobox|name=[[Rome]]}}",
        "<math>x^2</math>",
        "<!-- a comment -->",
        "<gallery>File:A.png</gallery>",
        "<sup>2</sup>",
        "<code>x = 1</code>",
    ],
)
def test_what_is_not_running_text_is_left_out(hidden: str) -> None:
    assert strip_markup(f"one{hidden} two") == MarkedText("one two")


def test_a_table_is_left_out() -> None:
    assert strip_markup('one\n{| class="wikitable"\n|-\n| cell\n|}\ntwo').text.split() == ["one", "two"]


def test_entities_become_characters() -> None:
    assert strip_markup("384&ndash;322&nbsp;BC &amp; later").text == "384–322\N{NO-BREAK SPACE}BC & later"


def test_headings_and_list_items_end_lines() -> None:
    lines = strip_markup("one\n== Heading ==\ntwo\n* three\n* four<br>five").text.split("\n")
    assert [line.strip() for line in lines if line.strip()] == ["one", "two", "three", "four", "five"]


def test_nothing_gives_nothing() -> None:
    assert strip_markup("") == MarkedText("", {"hyperlink": [], "emphasis": []})
