"""The words of scenes in tantivy: what is said, shown, told and seen.

A scene has words of a query or it has not; BM25 decides among those that have the same. By
itself it would put the shortest first, and scenes are as long as the pictures' cuts have it.

A scene's key is the number of its film and its place in it: it stays when rows are moved
from one segment to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import tantivy

from scenelake.pipeline.retrieval.choice import Choice
from scenelake.pipeline.retrieval.films import Film
from scenelake.pipeline.retrieval.spellings import also, run_together
from scenelake.pipeline.retrieval.tokens import (
    in_other_number,
    is_lone_character,
    may_be_off,
    tokens,
)
from scenelake.pipeline.retrieval.wanted import Wanted

FIELDS: Mapping[str, tuple[str, ...]] = {
    "said": ("said", "translated"),
    "shown": ("shown",),
    "told": ("title", "description"),
    "seen": ("labels",),
}
"""Field of words -> the columns it is made of."""

_KEY_BITS = 24
_HEAP_BYTES = 256 << 20
_AS_IT_IS = "raw"
_SPACED = "scenelake-spaced"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFTEN = 0.3
"""The part of a word's count that BM25 has a say in: how often it is there, in how long a text."""
_AGAIN = 0.1
"""What a word counts in a second field, of what it counts there alone: descriptions repeat."""
_SMALL = 0.2
"""What a word without content counts: "with" tells scenes apart, but not by what is asked."""
_INFLECTED = 0.9
"""What a word counts in the singular where the plural is asked for, or the other way."""
_NEARLY = 0.5
"""What a word counts that is one letter off: another ending, or misheard."""
_NAMES = {"language": "languages", "label": "labels", "speaker": "speakers"}
"""Field -> the part of a choice that it is compared with."""


def key_of(number: int, place: int) -> int:
    """The key of a film's scene."""
    return number << _KEY_BITS | place


def parts_of(key: int) -> tuple[int, int]:
    """The number of a film and a scene's place in it."""
    return key >> _KEY_BITS, key & ((1 << _KEY_BITS) - 1)


@dataclass(frozen=True, slots=True)
class WordHit:
    """A scene that has words of the query.

    `share` tells how much of what was asked for it has, from 0 to 1: rare words count most,
    and those that no scene has count as asked for.
    """

    key: int
    score: float
    share: float


class Words:
    """An index of words, in a folder or in memory.

    Errors:
        ValueError: the folder holds none, or a damaged one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._schema = _schema()
        where = None if folder is None else str(folder)
        self._index = tantivy.Index(self._schema, path=where)
        spaced = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_SPACED, spaced)

    def change(self, *, gone: Iterable[int], new: Iterable[tuple[int, Film]]) -> None:
        """Forget films by their numbers and take in others, all at once."""
        with self._index.writer(heap_size=_HEAP_BYTES, num_threads=1) as writer:
            for number in gone:
                writer.delete_documents_by_term("film", number)
            for number, film in new:
                for document in _documents(number, film):
                    writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
        self._index.reload()
        self.__dict__.pop("_searcher", None)

    def best(
        self,
        wanted: Wanted,
        *,
        weights: Mapping[str, float],
        small: Set[str] = frozenset(),
        choice: Choice,
        n: int,
    ) -> list[WordHit]:
        """The `n` scenes that have most of what is asked for, best first.

        A quoted phrase must be there as it stands; of the other words one is enough.

        Args:
            weights: field -> how much its words count; 0 leaves it out.
            small: words without content.
        """
        fields = {field: weight for field, weight in weights.items() if weight > 0}
        if not wanted.words or not fields:
            return []
        counts = {word: _SMALL if word in small else 1.0 for word in wanted.words}
        query = self._limited(self._asked(wanted, counts, fields), choice)
        found = self._searcher.search(query, limit=n, count=False).hits
        keys = self._searcher.fast_field_values("key", [address for _, address in found])
        ideal = self._ideal(counts, fields)
        return [
            WordHit(int(key or 0), float(score), min(1.0, float(score) / ideal))
            for key, (score, _) in zip(keys, found, strict=True)
        ]

    @cached_property
    def _searcher(self) -> tantivy.Searcher:
        return self._index.searcher()

    def _asked(
        self, wanted: Wanted, counts: Mapping[str, float], fields: Mapping[str, float]
    ) -> tantivy.Query:
        words = [self._word(word, count, fields) for word, count in counts.items()]
        phrases = [self._often(phrase, fields) for phrase in wanted.phrases]
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, phrase) for phrase in phrases]
            + [(tantivy.Occur.Should, word) for word in words]
        )

    def _word(self, word: str, count: float, fields: Mapping[str, float]) -> tantivy.Query:
        there = self._there(word, count * (1 - _OFTEN) * self._rarity(word, fields), fields)
        often = tantivy.Query.boost_query(self._often((word,), fields), count * _OFTEN)
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, q) for q in (there, often)])

    def _there(self, word: str, count: float, fields: Mapping[str, float]) -> tantivy.Query:
        """Whether a word is there, in the singular or the plural, or one that is nearly it."""
        found = []
        for field, weight in fields.items():
            exact = self._phrase(field, (word,))
            found.append(tantivy.Query.const_score_query(exact, weight * count))
            for form in in_other_number(word):
                inflected = self._phrase(field, (form,))
                found.append(
                    tantivy.Query.const_score_query(inflected, weight * count * _INFLECTED)
                )
            if may_be_off(word):
                nearly = tantivy.Query.fuzzy_term_query(self._schema, field, word)
                found.append(tantivy.Query.const_score_query(nearly, weight * count * _NEARLY))
        return tantivy.Query.disjunction_max_query(found, _AGAIN)

    def _often(self, phrase: tuple[str, ...], fields: Mapping[str, float]) -> tantivy.Query:
        found = [
            tantivy.Query.boost_query(self._phrase(field, phrase), weight)
            for field, weight in fields.items()
        ]
        return tantivy.Query.disjunction_max_query(found, _AGAIN)

    def _phrase(self, field: str, phrase: tuple[str, ...]) -> tantivy.Query:
        if len(phrase) > 1:
            return tantivy.Query.phrase_query(self._schema, field, list(phrase))
        if is_lone_character(phrase[0]):
            return tantivy.Query.regex_query(self._schema, field, f".?{phrase[0]}.?")
        return tantivy.Query.term_query(self._schema, field, phrase[0], "freq")

    def _ideal(self, counts: Mapping[str, float], fields: Mapping[str, float]) -> float:
        """About what a scene scores that has each word once."""
        rarities = (count * self._rarity(word, fields) for word, count in counts.items())
        return max(fields.values()) * sum(rarities)

    def _rarity(self, word: str, fields: Iterable[str]) -> float:
        """BM25's inverse document frequency; 1 for what is looked up by a pattern."""
        if is_lone_character(word):
            return 1.0
        n = max(1, self._searcher.num_docs)
        forms = (word, *in_other_number(word))
        count = min(n, max(self._searcher.doc_freq(f, form) for f in fields for form in forms))
        return math.log(1 + (n - count + 0.5) / (count + 0.5))

    def _limited(self, query: tantivy.Query, choice: Choice) -> tantivy.Query:
        limits = [tantivy.Query.const_score_query(q, 0.0) for q in self._limits(choice)]
        musts = [(tantivy.Occur.Must, part) for part in (query, *limits)]
        return tantivy.Query.boolean_query(musts) if limits else query

    def _limits(self, choice: Choice) -> Iterator[tantivy.Query]:
        if choice.films is not None:
            yield tantivy.Query.term_set_query(self._schema, "film", list(choice.films))
        for field, name in _NAMES.items():
            names = getattr(choice, name)
            if names is not None:
                yield tantivy.Query.term_set_query(self._schema, field, list(names))
        if choice.start_s is not None:
            yield self._range("end_s", lower=choice.start_s)
        if choice.end_s is not None:
            yield self._range("start_s", upper=choice.end_s)
        if choice.since is not None:
            yield self._range("came_us", lower=_microseconds(choice.since), with_lower=True)
        if choice.until is not None:
            yield self._range("came_us", upper=_microseconds(choice.until))

    def _range(
        self, field: str, *, lower: Any = None, upper: Any = None, with_lower: bool = False
    ) -> tantivy.Query:
        kind = tantivy.FieldType.Integer if field == "came_us" else tantivy.FieldType.Float
        ends = with_lower or lower is None, upper is None
        return tantivy.Query.range_query(self._schema, field, kind, lower, upper, *ends)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name=_SPACED)
    for field in _NAMES:
        builder.add_text_field(field, tokenizer_name=_AS_IT_IS, index_option="basic")
    builder.add_unsigned_field("film", indexed=True)
    builder.add_unsigned_field("key", fast=True)
    builder.add_float_field("start_s", indexed=True, fast=True)
    builder.add_float_field("end_s", indexed=True, fast=True)
    builder.add_integer_field("came_us", indexed=True, fast=True)
    return builder.build()


def _documents(number: int, film: Film) -> Iterator[tantivy.Document]:
    for place, row in enumerate(film.rows.to_pylist()):
        document = tantivy.Document()
        for field in FIELDS:
            document.add_text(field, " ".join(tokens(text_of(row, field))))
        document.add_text("language", row["language"] or "")
        for field, names in (("label", row["labels"]), ("speaker", row["speakers"])):
            for name in names:
                document.add_text(field, name)
        document.add_unsigned("film", number)
        document.add_unsigned("key", key_of(number, place))
        document.add_float("start_s", row["start_s"])
        document.add_float("end_s", row["end_s"])
        document.add_integer("came_us", _microseconds(row["came_at"]))
        yield document


def _microseconds(at: datetime) -> int:
    """Since 1970; tantivy's own dates are rounded."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def text_of(row: Mapping[str, Any], field: str) -> str:
    """The text of a row that is looked through as one field of words."""
    values = [row[column] for column in FIELDS[field]]
    text = "\n".join("\n".join(v) if isinstance(v, list) else v or "" for v in values)
    text = f"{text}\n{run_together(text)}" if field == "shown" else text
    return "\n".join([text, *also(text)])
