"""Whether questions about what is said and what is seen find their scene, by the real text model.

Pictures are as ConSE would tell them of a classifier that is half sure. The weights and the
trust of rankings were chosen with these scenes in view: this holds what was reached, it is
no measure of lakes that nobody has seen.
"""

from __future__ import annotations

import numpy as np
import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.retrieval.encoders import Encoders
from scenelake.pipeline.retrieval.search import Query, Searcher
from scenelake.schemas.config import Config
from tests.pipeline import searching
from tests.pipeline.searching import Film, Told

SCENES = [
    # class seen, sentence said, question about what is said, description of what is seen
    ("golden retriever", "Our bakery opened its doors in nineteen sixty two.",
     "when did the bakery open", "a dog in the garden"),
    ("school bus", "The mayor promised a new library by next summer.",
     "what did the mayor promise", "a yellow vehicle for pupils"),
    ("grand piano", "The bridge was closed after the storm on Tuesday.",
     "why was the bridge closed", "a musical instrument with keys"),
    ("volcano", "She learned to swim when she was thirty.",
     "when did she learn to swim", "a mountain that erupts"),
    ("sports car", "We use no sugar, only honey from the valley.",
     "what do they use instead of sugar", "a fast automobile"),
    ("African elephant", "The parliament voted against the tax on fuel.",
     "how did parliament vote", "a large animal with a trunk"),
    ("pizza", "Three of the players were injured last night.",
     "how many players were injured", "Italian food"),
    ("steam locomotive", "The museum owns two paintings by Rembrandt.",
     "what paintings does the museum own", "an old train"),
    ("umbrella", "He walked from Berlin to Prague in eleven days.",
     "how far did he walk", "protection from rain"),
    ("violin", "The vaccine must be stored below minus seventy degrees.",
     "at what temperature is the vaccine stored", "a string instrument"),
    ("castle", "I sold my company and bought a small farm.",
     "what did he buy after selling the company", "a medieval fortress"),
    ("laptop", "The river flooded the old town twice that year.",
     "what flooded the town", "a computer"),
    ("strawberry", "The orchestra plays Mahler tonight in Vienna.",
     "what does the orchestra play", "red fruit"),
    ("tabby cat", "The election was decided by only forty votes.",
     "by how many votes was the election decided", "a pet that purrs"),
    ("space shuttle", "We harvest the olives by hand in November.",
     "how are the olives harvested", "a spacecraft"),
    ("mountain bike", "The lake freezes every winter since the dam was built.",
     "when does the lake freeze", "a bicycle"),
]  # fmt: skip
OTHERS = "bucket necktie hammer barrel anchor candle screwdriver envelope mailbox tent".split()


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    lake = tmp_path_factory.mktemp("quality")
    encoders = Encoders(Config())
    models = {"visual": encoders.models["seen"], "text": encoders.models["told"]}
    rng = np.random.default_rng(3)

    def picture(name: str) -> np.ndarray:
        chance = rng.choice(OTHERS, 5, replace=False)
        names = [(name, 0.5), *((other, 0.08) for other in chance)]
        return sum(p * encoders.text(f"a {n}", kind="seen") for n, p in names)  # type: ignore[return-value]

    vectors = {name: picture(name) for name, *_ in SCENES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "VISUAL_DIM", 384)
        patch.setattr(searching, "DIM", 384)
        patch.setattr(searching, "colour", lambda name: _unit(vectors[name]))
        patch.setattr(searching, "bag", lambda text: encoders.text(text, kind="told"))
        told = [
            Told(said, seen=name, label=name, description=f'Said: "{said}" Seen: {name}.')
            for name, said, _, _ in SCENES
        ]
        Film("aaa", told, models=models).commit(lake)
    return Searcher(Lake(lake))


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _places(searcher: Searcher, column: int) -> list[int]:
    """The place of each question's own scene."""
    found = []
    for number, scene in enumerate(SCENES):
        starts_s = [hit.start_s for hit in searcher.search(Query(scene[column]), k=len(SCENES))]
        found.append(starts_s.index(number * 10.0) + 1)
    return found


def test_nine_of_ten_questions_about_what_is_said_find_their_scene_first(
    searcher: Searcher,
) -> None:
    places = _places(searcher, 2)
    assert sum(place == 1 for place in places) >= 0.9 * len(places)


def test_eight_of_ten_about_what_is_seen_find_theirs_among_three(searcher: Searcher) -> None:
    places = _places(searcher, 3)
    assert sum(place <= 3 for place in places) >= 0.8 * len(places)
