from __future__ import annotations

from collections.abc import Sequence

import pytest

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Word
from scenelake.workers.describe import SmolLmDescriber
from scenelake.workers.engines import Describer
from scenelake.workers.evidence import NOTHING, EvidenceDescriber, title
from scenelake.workers.grounding import unsupported

CAT = "This cat is called Chelsea and she likes to sleep in the sun."
POTTERY = (
    "Good evening. The potter puts the clay on the wheel and wets her hands. She has made bowls "
    "in this workshop in Delft since 1972. Each bowl is fired for eleven hours."
)
RAMBLING = (
    "From fairest creatures we desire increase, that thereby beauty's rose might never die, but "
    "as the riper should by time decease, his tender heir might bear his memory: but thou "
    "contracted to thine own bright eyes, feed'st thy light's flame with self-substantial fuel, "
    "making a famine where abundance lies, thy self thy foe, to thy sweet self too cruel."
)


def _scene(
    said: str = "",
    *,
    labels: Sequence[tuple[str, float]] = (),
    screen: Sequence[str] = (),
) -> Scene:
    return Scene(
        video_id="film",
        index=0,
        start_s=0.0,
        end_s=60.0,
        shots=(Shot(0.0, 60.0),),
        labels=tuple(Label(name, score) for name, score in labels),
        ocr=tuple(ScreenText(line, 0.9, 4.0) for line in screen),
        words=tuple(Word(w, i * 0.4, i * 0.4 + 0.4, 0.9) for i, w in enumerate(said.split())),
        keyframes=(Keyframe(2.0, b"", None), Keyframe(4.0, b"", None)),
    )


def describe(engine: Describer, scene: Scene) -> Scene:
    (described,) = engine.describe([scene])
    return described


@pytest.fixture(scope="module")
def describer() -> SmolLmDescriber:
    engine = SmolLmDescriber(DescribeConfig())
    engine.setup()
    return engine


def test_a_scene_is_described_by_what_is_said_and_seen(describer: SmolLmDescriber) -> None:
    scene = describe(describer, _scene(CAT, labels=[("Egyptian cat", 0.7), ("tabby", 0.3)]))
    assert "Chelsea" in scene.description
    assert "Egyptian cat" in scene.description
    assert scene.title
    assert len(scene.title.split()) <= 8


@pytest.mark.parametrize("said", [CAT, POTTERY, RAMBLING])
def test_a_description_invents_no_name_number_or_quotation(
    describer: SmolLmDescriber, said: str
) -> None:
    scene = describe(describer, _scene(said))
    own_words = scene.description.removeprefix("Said: ")
    assert unsupported(own_words, [said]) == []
    assert unsupported(scene.title.rstrip("…"), [said]) == []


def test_where_the_model_makes_nothing_true_of_it_the_speech_itself_stands(
    describer: SmolLmDescriber,
) -> None:
    scene = describe(describer, _scene(RAMBLING))
    assert not scene.grounded
    assert scene.description.startswith('Said: "From fairest creatures we desire increase,')


def test_what_is_only_seen_is_told_as_it_was_recognised(describer: SmolLmDescriber) -> None:
    labels = [("disk brake", 0.05), ("motor scooter", 0.6), ("moped", 0.25)]
    scene = describe(describer, _scene(labels=labels))
    assert scene.description == "Seen: motor scooter, moped."
    assert scene.title == "motor scooter, moped"
    assert not scene.grounded


def test_screen_text_is_quoted_once(describer: SmolLmDescriber) -> None:
    scene = describe(describer, _scene(screen=["CAFE ROMA", "Open 8-17", "Cafe Roma"]))
    assert scene.description == 'On screen: "CAFE ROMA", "Open 8-17".'
    assert scene.title == "CAFE ROMA"


def test_a_scene_of_nothing_says_so(describer: SmolLmDescriber) -> None:
    scene = describe(describer, _scene(labels=[("web site", 0.01)]))
    assert scene.description == NOTHING
    assert not scene.grounded
    assert scene.frames_s == ()


def test_the_pictures_told_of_are_on_record(describer: SmolLmDescriber) -> None:
    assert describe(describer, _scene(labels=[("tabby", 0.9)])).frames_s == (2.0, 4.0)
    assert describe(describer, _scene(screen=["EXIT"])).frames_s == (4.0,)


def test_the_same_scene_gets_the_same_words_after_others(describer: SmolLmDescriber) -> None:
    first = describe(describer, _scene(POTTERY))
    describe(describer, _scene(CAT))
    again = describe(describer, _scene(POTTERY))
    assert (again.title, again.description) == (first.title, first.description)


def test_what_was_known_of_a_scene_is_kept(describer: SmolLmDescriber) -> None:
    scene = _scene(labels=[("tabby", 0.9)])
    described = describe(describer, scene)
    assert (described.words, described.labels, described.scene_id) == (
        scene.words,
        scene.labels,
        scene.scene_id,
    )


def test_a_long_title_is_cut_before_a_clause_and_shows_it() -> None:
    assert title("The rocket was launched on the sixth of March from Florida.") == (
        "The rocket was launched…"
    )


def test_a_greeting_is_no_title() -> None:
    assert title("Good evening. The bowls are fired twice.") == "The bowls are fired twice"


def test_prompt_hash_follows_the_settings() -> None:
    short = SmolLmDescriber(DescribeConfig(max_tokens=20)).prompt_hash
    assert short != SmolLmDescriber(DescribeConfig(max_tokens=60)).prompt_hash
    assert short == SmolLmDescriber(DescribeConfig(max_tokens=20)).prompt_hash


def test_without_a_model_a_scene_is_described_by_its_evidence_alone() -> None:
    described = describe(
        EvidenceDescriber(DescribeConfig()),
        _scene(CAT, labels=[("Egyptian cat", 0.7)], screen=["CHAPTER 1"]),
    )
    assert described.description == f'Said: "{CAT}" Seen: Egyptian cat. On screen: "CHAPTER 1".'
    assert not described.grounded
    assert described.frames_s == (2.0, 4.0)
