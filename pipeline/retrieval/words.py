"""The words of scenes in tantivy: BM25 over what is said, shown, told and seen.

A scene's key is the number of its film and its place in it: it stays when rows are moved
from one segment to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import tantivy

from scenelake.pipeline.retrieval.choice import Choice
from scenelake.pipeline.retrieval.films import Film
from scenelake.pipeline.retrieval.tokens import Wanted, is_lone_character, tokens

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
        self, wanted: Wanted, *, weights: Mapping[str, float], choice: Choice, n: int
    ) -> list[WordHit]:
        """The `n` scenes with the best BM25, best first.

        A quoted phrase must be there as it stands; of the other words one is enough.

        Args:
            weights: field -> how much its words count; 0 leaves it out.
        """
        fields = {field: weight for field, weight in weights.items() if weight > 0}
        if not wanted.words or not fields:
            return []
        query = self._limited(self._asked(wanted, fields), choice)
        found = self._searcher.search(query, limit=n, count=False).hits
        keys = self._searcher.fast_field_values("key", [address for _, address in found])
        ideal = self._ideal(wanted, fields)
        return [
            WordHit(int(key or 0), float(score), min(1.0, float(score) / ideal))
            for key, (score, _) in zip(keys, found, strict=True)
        ]

    @cached_property
    def _searcher(self) -> tantivy.Searcher:
        return self._index.searcher()

    def _asked(self, wanted: Wanted, fields: Mapping[str, float]) -> tantivy.Query:
        words = [(tantivy.Occur.Should, self._anywhere((word,), fields)) for word in wanted.words]
        phrases = [(tantivy.Occur.Must, self._anywhere(p, fields)) for p in wanted.phrases]
        return tantivy.Query.boolean_query([*phrases, *words])

    def _anywhere(self, phrase: tuple[str, ...], fields: Mapping[str, float]) -> tantivy.Query:
        found = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._phrase(field, phrase), weight))
            for field, weight in fields.items()
        ]
        return tantivy.Query.boolean_query(found)

    def _phrase(self, field: str, phrase: tuple[str, ...]) -> tantivy.Query:
        if len(phrase) > 1:
            return tantivy.Query.phrase_query(self._schema, field, list(phrase))
        if is_lone_character(phrase[0]):
            return tantivy.Query.regex_query(self._schema, field, f".?{phrase[0]}.?")
        return tantivy.Query.term_query(self._schema, field, phrase[0], "freq")

    def _ideal(self, wanted: Wanted, fields: Mapping[str, float]) -> float:
        """About what a scene scores that has each word once: the sum of how rare they are."""
        return max(fields.values()) * sum(self._rarity(word, fields) for word in wanted.words)

    def _rarity(self, word: str, fields: Iterable[str]) -> float:
        """BM25's inverse document frequency; 1 for what is looked up by a pattern."""
        if is_lone_character(word):
            return 1.0
        n = max(1, self._searcher.num_docs)
        count = min(n, max(self._searcher.doc_freq(field, word) for field in fields))
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
    return "\n".join("\n".join(v) if isinstance(v, list) else v or "" for v in values)
