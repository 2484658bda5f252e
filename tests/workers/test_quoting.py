"""Quotes are found where they are said or written, and nowhere else."""

from __future__ import annotations

import pytest

from scenelake.schemas.rows import Citation
from scenelake.workers.quoting import holds, locate
from tests.workers.asking import passage

SCENE = passage(
    1, "The mayor, Thomas Bell, cut a green ribbon on Tuesday.", screen=["PORT OF LINDHOLM"]
)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("cut a green ribbon", "cut a green ribbon"),
        ("Thomas Bell cut a GREEN ribbon", "Thomas Bell, cut a green ribbon"),
        ("the mayor Thomas Bell cut a green ribon", "The mayor, Thomas Bell, cut a green ribbon"),
        ("port of lindholm", "PORT OF LINDHOLM"),
    ],
)
def test_a_quote_is_cited_in_the_films_own_wording(quote: str, found: str) -> None:
    citation = locate(quote, SCENE)
    assert citation is not None
    assert citation.quote == found
    assert holds(citation, SCENE)
    assert SCENE.start_s <= citation.start_s < citation.end_s <= SCENE.end_s


@pytest.mark.parametrize(
    "quote", ["cut a red ribbon", "a green rib", "", "no", "Thomas", "LINDHOLM PORT AUTHORITY"]
)
def test_what_is_not_said_is_not_found(quote: str) -> None:
    citation = locate(quote, SCENE)
    assert citation is None or citation.quote.rstrip(",") == quote


def test_a_quote_has_the_time_of_its_own_words() -> None:
    citation = locate("green ribbon", SCENE)
    assert citation is not None
    words = {word.text: word for word in SCENE.words}
    assert (citation.start_s, citation.end_s) == (words["green"].start_s, words["ribbon"].end_s)


def test_a_citation_from_another_scene_does_not_hold() -> None:
    other = Citation("film", SCENE.scene_id, 10.0, 20.0, "the bridge was closed")
    assert not holds(other, SCENE)
