from __future__ import annotations

import pytest

from scenelake.workers.grounding import denies, is_grounded, tokens, unsupported
from scenelake.workers.wordforms import stem

CAT = "This cat is called Chelsea and she likes to sleep in the sun."
COFFEE = "Seventeen workers roast the beans by hand at ninety-two degrees."
GARAGE = "Anna repairs an old motorcycle in her garage. It was built in 1968. She never rides it."


@pytest.mark.parametrize(
    ("spelled", "digits"),
    [
        ("seventeen", "17"),
        ("ninety-two", "92"),
        ("ninety two", "92"),
        ("nineteen ninety-five", "1995"),
        ("twenty fifteen", "2015"),
        ("two thousand and fifteen", "2015"),
        ("one hundred and five", "105"),
        ("forty thousand", "40,000"),
        ("a thousand", "a 1000"),
        ("3.5 million", "3,500,000"),
        ("the sixth of March", "the 6th of March"),
        ("the twenty-first century", "the 21st century"),
        ("two and a half", "2 and a half"),
        ("2.50", "2.5"),
    ],
)
def test_a_spelled_number_is_the_number_in_digits(spelled: str, digits: str) -> None:
    assert [t.key for t in tokens(spelled)] == [t.key for t in tokens(digits)]


@pytest.mark.parametrize(
    ("one", "other"), [("5 and 6", "56"), ("two three", "23"), ("10:30", "1030"), ("1,5", "15")]
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert [t.key for t in tokens(one)] != [t.key for t in tokens(other)]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (CAT, CAT),
        ("The cat is called Chelsea.", CAT),
        ("Chelsea likes sleeping in the sun.", CAT),
        ("17 workers roast the beans.", COFFEE),
        ("The beans roast at 92 degrees.", COFFEE),
        ("The motorcycle was built in 1968.", GARAGE),
        ('This cat is "called Chelsea".', CAT),
        ("Chelsea.", CAT),
    ],
)
def test_what_the_evidence_says_is_grounded(text: str, evidence: str) -> None:
    assert is_grounded(text, [evidence])


@pytest.mark.parametrize(
    ("text", "evidence", "why"),
    [
        ("This cat is called Garfield.", CAT, "a name that nobody said"),
        ("Garfield sleeps in the sun.", CAT, "a name at the start"),
        ("12 workers roast the beans.", COFFEE, "a wrong number"),
        ("Twelve workers roast the beans.", COFFEE, "a wrong number, spelled"),
        ('A sign says "sleep in the shade".', CAT, "a quotation of nothing said"),
        ("The cat eats fish and chases birds.", CAT, "other content"),
        ("The motorcycle was built by Anna.", GARAGE, "true words in an untrue order"),
        ("This cat is not called Chelsea.", CAT, "a denial"),
        ("This cat is called Chelsea. It was born in Paris.", CAT, "one false sentence of two"),
        ("", CAT, "nothing"),
        ("It is.", CAT, "nothing that could be true or false"),
    ],
)
def test_what_the_evidence_does_not_say_is_not_grounded(text: str, evidence: str, why: str) -> None:
    assert not is_grounded(text, [evidence]), why


def test_nothing_is_grounded_in_no_evidence() -> None:
    assert not is_grounded("A cat sleeps.", [])


def test_the_inventions_are_named() -> None:
    text = 'Garfield ate 12 fish, said Tom: "I was hungry".'
    assert set(unsupported(text, [CAT])) >= {"Garfield", "12", "Tom", "I was hungry"}


@pytest.mark.parametrize("text", ["It isn't.", "We never said so.", "Nobody came.", "No."])
def test_a_denial_is_heard(text: str) -> None:
    assert denies(text)


def test_a_common_word_with_a_capital_is_no_name() -> None:
    assert unsupported("Children play.", [CAT]) == ["Children"]
    assert unsupported("Children play with Tom.", [CAT], common={stem("children")}) == ["Tom"]
