"""What can be asked of the films, with the right answers and where they are."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from scenelake.pipeline.evaluation.own.script import Scene, Script, slots, spoken, written
from scenelake.pipeline.evaluation.own.truth import FilmTruth, SceneTruth
from scenelake.pipeline.evaluation.own.world import Fact, Half, Value, world
from scenelake.pipeline.evaluation.records import LETTERS, Span

Kind = Literal[
    "spoken_fact",
    "screen_text",
    "when",
    "yes_no",
    "multiple_choice",
    "unanswerable",
    "place",
    "whole_film",
]
KINDS: tuple[Kind, ...] = (
    "spoken_fact",
    "screen_text",
    "when",
    "yes_no",
    "multiple_choice",
    "unanswerable",
    "place",
    "whole_film",
)

NOT_TOLD = "The film does not tell."

_FACTS_A_SCENE = 2
_OPTIONS = 4
_NUMBERS = frozenset(("number", "hundreds", "year"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to one film.

    Attributes:
        video: the film's file name.
        answers: wordings that are right.
        spans: when the film tells; empty where it does not.
    """

    question_id: str
    kind: Kind
    question: str
    video: str
    answers: tuple[str, ...]
    spans: tuple[Span, ...] = ()
    options: tuple[str, ...] = ()
    choice: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A row that `scenelake ask --questions` and `scenelake eval answers` read."""
        row = asdict(self) | {"video_id": self.video}
        return row if self.options else {k: v for k, v in row.items() if k not in _OF_OPTIONS}


_OF_OPTIONS = frozenset(("options", "choice"))


def questions(
    scripts: Sequence[Script], films: Sequence[FilmTruth], *, half: Half, seed: int
) -> list[Asked]:
    """The questions to all films; the same for the same seed."""
    rng = random.Random(f"questions {half} {seed}")
    found: list[Asked] = []
    for script, film in zip(scripts, films, strict=True):
        asked = list(_merged(_of_film(script, film, half=half, rng=rng)))
        found += [
            replace(one, question_id=f"{film.name}-q{number:02}")
            for number, one in enumerate(asked)
        ]
    return found


def write(asked: Iterable[Asked], path: Path) -> None:
    lines = [json.dumps(one.to_json(), ensure_ascii=False) for one in asked]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _of_film(script: Script, film: FilmTruth, *, half: Half, rng: random.Random) -> Iterator[Asked]:
    for index, (scene, known) in enumerate(zip(script.scenes, film.scenes, strict=True)):
        yield from _facts(scene, known, film, rng=rng)
        yield from _screen_text(scene, known, film)
        yield _when(known, film, of_picture=index % 2 == 1)
        yield _yes_no(scene, known, film, half=half, rng=rng)
        yield _multiple_choice(scene, known, film, half=half, rng=rng)
        yield _unanswerable(scene, script, film, half=half, rng=rng, turn=index % 3)
    yield from _whole_film(film)


def _facts(
    scene: Scene, known: SceneTruth, film: FilmTruth, *, rng: random.Random
) -> Iterator[Asked]:
    facts = scene.passage.facts
    for fact in rng.sample(facts, min(_FACTS_A_SCENE, len(facts))):
        place = _place(fact.answer, scene, known)
        yield Asked("", "spoken_fact", fact.ask, film.file, _answers(fact, scene), (place,))


def _answers(fact: Fact, scene: Scene) -> tuple[str, ...]:
    """As it is written and as it is said; of a quantity, the number alone too."""
    (slot,) = slots(fact.answer)
    alone = [scene.values[slot].written] if slot in _NUMBERS else []
    both = [written(fact.answer, scene.values), spoken(fact.answer, scene.values), *alone]
    return tuple(dict.fromkeys(both))


def _place(template: str, scene: Scene, known: SceneTruth) -> Span:
    """The sentence that fills a template's slot."""
    (slot,) = slots(template)
    lines = known.said[-len(scene.passage.said) :]
    said = next(
        known for known, line in zip(lines, scene.passage.said, strict=True) if slot in slots(line)
    )
    return said.start_s, said.end_s


def _screen_text(scene: Scene, known: SceneTruth, film: FilmTruth) -> Iterator[Asked]:
    if scene.caption:
        asked, answer = scene.caption.ask, scene.caption.answer
        yield Asked("", "screen_text", asked, film.file, (answer,), (known.span,))


def _when(known: SceneTruth, film: FilmTruth, *, of_picture: bool) -> Asked:
    span = known.span if of_picture else known.spoken
    seconds = int(span[0])
    asked = (
        f"When do we see {known.shows}?"
        if of_picture
        else f"When does the speaker talk about {known.topic}?"
    )
    answer = f"{seconds // 60}:{seconds % 60:02}"
    return Asked("", "when", asked, film.file, (answer,), (span,))


def _yes_no(
    scene: Scene, known: SceneTruth, film: FilmTruth, *, half: Half, rng: random.Random
) -> Asked:
    template = scene.passage.yes_no
    (slot,) = slots(template)
    is_true = rng.random() < 0.5
    others = _others(slot, scene.values[slot], film, half=half)
    value = scene.values[slot] if is_true else rng.choice(others)
    asked = written(template, {slot: value})
    place = _place(template, scene, known)
    return Asked("", "yes_no", asked, film.file, ("yes" if is_true else "no",), (place,))


def _multiple_choice(
    scene: Scene, known: SceneTruth, film: FilmTruth, *, half: Half, rng: random.Random
) -> Asked:
    fact = rng.choice(scene.passage.facts)
    (slot,) = slots(fact.answer)
    others = _others(slot, scene.values[slot], film, half=half)
    values = [scene.values[slot], *rng.sample(others, min(_OPTIONS - 1, len(others)))]
    rng.shuffle(values)
    return Asked(
        "",
        "multiple_choice",
        fact.ask,
        film.file,
        (written(fact.answer, scene.values),),
        (_place(fact.answer, scene, known),),
        options=tuple(written(fact.answer, {slot: value}) for value in values),
        choice=LETTERS[values.index(scene.values[slot])],
    )


def _unanswerable(
    scene: Scene, script: Script, film: FilmTruth, *, half: Half, rng: random.Random, turn: int
) -> Asked:
    """In turn: what is left open of a topic, a topic of other films, a person nobody names."""
    told = {one.passage.topic for one in script.scenes}
    elsewhere = [passage for passage in world(half).passages if passage.topic not in told]
    if turn == 0 or (turn == 1 and not elsewhere):
        asked = rng.choice(scene.passage.untold)
    elif turn == 1:
        asked = rng.choice(rng.choice(elsewhere).facts).ask
    else:
        stranger = rng.choice(_others("person", scene.values["person"], film, half=half))
        asked = f"What did {stranger} say about {scene.passage.topic}?"
    return Asked("", "unanswerable", asked, film.file, (NOT_TOLD,))


def _whole_film(film: FilmTruth) -> Iterator[Asked]:
    topics = tuple(dict.fromkeys(scene.topic.removeprefix("the ") for scene in film.scenes))
    whole = ((0.0, film.duration_s),)
    where, about = "In which city does the film play?", "What is the film about?"
    yield Asked("", "place", where, film.file, (film.town,), whole)
    yield Asked("", "whole_film", about, film.file, topics, whole)


def _others(slot: str, value: Value, film: FilmTruth, *, half: Half) -> list[Value]:
    """Other values of a slot, of which no part is said or written in the film."""
    held = {word for scene in film.scenes for word in _words(scene)}
    values = world(half).values[slot]
    strange = [one for one in values if not set(one.said.lower().split()) & held]
    return [one for one in strange or values if one != value]


def _words(scene: SceneTruth) -> set[str]:
    text = " ".join([*(said.text for said in scene.said), scene.screen_text]).lower()
    return {word.strip(".,!?'") for word in text.split()}


def _merged(asked: Iterable[Asked]) -> Iterator[Asked]:
    """A question that comes again in a film has the answers of both places.

    One whose answers would contradict each other is left out.
    """
    found: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        found.setdefault((one.kind, one.question), []).append(one)
    for several in found.values():
        if len(several) == 1:
            yield several[0]
        elif several[0].kind not in ("yes_no", "multiple_choice"):
            answers = dict.fromkeys(answer for one in several for answer in one.answers)
            spans = tuple(span for one in several for span in one.spans)
            yield replace(several[0], answers=tuple(answers), spans=spans)
