"""Descriptions by a language model: each scene has its own, and no more than is true of it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence

import pytest

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.errors import TransientError, UsageError
from scenelake.schemas.rows import Scene
from scenelake.workers import llm
from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_llama import LlamaChat
from scenelake.workers.describe_chat import ChatDescriber
from scenelake.workers.evidence import NOTHING, compose
from scenelake.workers.fusion import Early, Hybrid, Late, Policy
from scenelake.workers.grounding import unsupported

from .telling import CONFIG, ScriptedChat, frame, reply, scene, text_of, times_of

POLICIES = pytest.mark.parametrize("policy", [Early, Late, Hybrid])
CAT = scene(
    0,
    said="This cat is called Chelsea.",
    frames=[frame(2.0, label="tabby"), frame(6.0, label="tabby")],
    screen=[(6.0, "CHAPTER 1")],
)


def describer(
    chat: ScriptedChat, *, policy: type[Policy] = Early, config: DescribeConfig = CONFIG
) -> ChatDescriber:
    return ChatDescriber(config, chat, policy=policy)


def always(text: str) -> Callable[[Prompt], str]:
    """Says the same to every scene, and something harmless to all else."""
    return lambda prompt: text if prompt.json_schema else "a thing"


def describe(scene_: Scene, text: str, *, sees: bool = True) -> Scene:
    (described,) = describer(ScriptedChat(always(text), sees=sees)).describe([scene_])
    return described


def as_written(scene_: Scene) -> tuple[object, ...]:
    return scene_.title, scene_.description, scene_.grounded, scene_.mood, scene_.frames_s


def test_what_the_model_writes_of_a_scene_is_its_description() -> None:
    text = reply(
        "A ginger cat looks up. The cat is called Chelsea.",
        title="A cat called Chelsea",
        labels=["cat", "whiskers"],
        visible_text=["Chapter 1"],
        mood="Calm",
    )
    described = describe(CAT, text)
    assert described.title == "A cat called Chelsea"
    assert described.description == (
        'A ginger cat looks up. The cat is called Chelsea. Seen: whiskers. On screen: "Chapter 1".'
    )
    assert described.mood == "calm"
    assert described.grounded


def test_what_was_known_of_a_scene_is_kept() -> None:
    described = describe(CAT, reply("A ginger cat looks up.", labels=["whiskers"]))
    known = "scene_id words labels ocr keyframes shots embedding".split()
    assert all(getattr(described, name) == getattr(CAT, name) for name in known)


def test_where_nothing_the_model_writes_is_true_the_evidence_stands() -> None:
    described = describe(CAT, reply("Garfield eats 12 fish.", title="Garfield", mood="happy"))
    assert as_written(described) == as_written(compose(CAT))
    assert not described.grounded


@POLICIES
def test_a_neighbours_name_does_not_get_into_a_scene(policy: type[Policy]) -> None:
    film = [
        scene(0, said="This cat is called Garfield.", frames=[frame(2.0)]),
        scene(1, said="Look at the long whiskers.", frames=[frame(12.0)]),
        scene(2, said="The sun rises over Rome.", screen=[(22.0, "ROME 1960")], frames=[]),
    ]

    def copies_all(prompt: Prompt) -> str:
        if prompt.json_schema is None:
            return "Garfield lives in Rome."
        return reply(
            "A cat called Garfield looks up. It happens in Rome. It is 1960.",
            title="Garfield in Rome",
            labels=["garfield", "rome"],
            visible_text=["ROME 1960"],
            mood="rome",
        )

    chat, config = ScriptedChat(copies_all), CONFIG.model_copy(update={"n_neighbours": 2})
    first, middle, last = describer(chat, policy=policy, config=config).describe(film)
    others = text_of(chat.calls[-1][1]).split("This scene, from")[0]
    assert re.search("Garfield|Rome", others)
    assert as_written(middle) == as_written(compose(film[1]))
    assert first.description == "A cat called Garfield looks up."
    assert "Garfield" not in last.description + last.title


def test_a_name_made_up_for_the_neighbourhood_does_not_get_into_a_scene() -> None:
    def invents(prompt: Prompt) -> str:
        if prompt.json_schema is None:
            return "The rocket was named the Flying Feline."
        return reply("A woman smiles. A flying feline lands.", labels=["feline"], mood="feline")

    film = [scene(0, said="A rocket rose."), scene(1, frames=[frame(12.0)])]
    _, described = describer(ScriptedChat(invents), policy=Hybrid).describe(film)
    assert (described.description, described.mood) == ("A woman smiles.", "")


LETTERS = "bcdfghklmnprstvz"


def _word(index: int) -> str:
    """A word that only scene `index` has."""
    return f"{LETTERS[index // 10]}a{LETTERS[index % 10]}ilunem"


def _long_film() -> list[Scene]:
    return [
        scene(i, said=f"Here the word is {_word(i)}.", frames=[frame(i * 10 + 5.0)])
        for i in range(100)
    ]


def _stumbling(seed: int) -> Callable[[Prompt], str | ChatError]:
    """Tells of each scene's own word; one prompt in four fails, in no order."""
    rng = random.Random(seed)

    def answer(prompt: Prompt) -> str | ChatError:
        if rng.random() < 0.25:
            return ChatError("the server broke off")
        if prompt.json_schema is None:
            return "Something is seen."
        own = text_of(prompt).split("This scene, from", 1)[1]
        (word,) = re.findall(r"the word is (\w+)", own)
        return reply(f"The word is {word}.")

    return answer


@POLICIES
@pytest.mark.parametrize("seed", [1, 2])
def test_each_of_100_scenes_gets_its_own_reply_when_others_fail(
    policy: type[Policy], seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    film, chat = _long_film(), ScriptedChat(_stumbling(seed))
    engine = describer(chat, policy=policy)
    described = engine.describe(film)
    assert [s.scene_id for s in described] == [s.scene_id for s in film]
    told = [s for s in described if s.grounded]
    assert 60 < len(told) < 90
    for index, scene_ in enumerate(described):
        if scene_.grounded:
            assert scene_.description == f"The word is {_word(index)}."
        else:
            assert as_written(scene_) == as_written(compose(film[index]))
            assert f"{scene_.scene_id}: the server broke off" in caplog.text
    usage = engine.take_usage()
    assert usage.n_prompts == len(chat.prompts)
    assert usage.n_failed >= 100 - len(told)


@POLICIES
def test_frames_on_record_are_those_that_the_model_was_shown(policy: type[Policy]) -> None:
    config = CONFIG.model_copy(update={"max_frames": 3, "context_tokens": 2200})
    film = [scene(i, frames=[frame(i * 10 + j) for j in range(9)]) for i in range(3)]
    chat = ScriptedChat(always(reply("A thing stands there.")))
    described = describer(chat, policy=policy, config=config).describe(film)
    shown = [times_of(prompt) for prompt in chat.calls[0]]
    if policy is Late:
        shown = [tuple(t for (t,) in shown[i * 3 : i * 3 + 3]) for i in range(3)]
    assert [s.frames_s for s in described] == shown
    assert all(len(times_s) in (2, 3) for times_s in shown)


def test_frames_on_record_include_those_whose_text_the_model_was_told() -> None:
    described = describe(
        scene(0, frames=[frame(2.0)], screen=[(4.0, "EXIT")]), reply("A door stands open.")
    )
    assert described.frames_s == (2.0, 4.0)


def test_a_model_without_eyes_sees_no_picture_and_is_held_to_the_words() -> None:
    seen = reply("A ginger cat looks up at the sky.")
    said = reply("The cat is called Chelsea.")
    assert describe(CAT, seen).grounded
    assert not describe(CAT, seen, sees=False).grounded
    blind = describe(CAT, said, sees=False)
    assert (blind.grounded, blind.frames_s) == (True, (2.0, 6.0))


def test_a_film_without_sound_is_described_from_its_pictures() -> None:
    silent = scene(0, frames=[frame(3.0)])
    described = describe(silent, reply("A white square stands on grey.", title="A white square"))
    assert described.description == "A white square stands on grey."
    assert described.frames_s == (3.0,)


def test_a_film_without_pictures_is_described_from_its_words() -> None:
    heard = scene(0, said="This cat is called Chelsea.")
    invented = describe(heard, reply("A ginger cat looks up at the sky."))
    assert not invented.grounded
    described = describe(heard, reply("The cat is called Chelsea."))
    assert (described.grounded, described.frames_s) == (True, ())


@POLICIES
def test_of_nothing_nothing_is_asked(policy: type[Policy]) -> None:
    chat = ScriptedChat(always(reply("A cat sleeps.")), sees=False)
    film = [scene(0), scene(1, said="Hello there, cat."), scene(2, frames=[frame(22.0)])]
    first, _, last = describer(chat, policy=policy).describe(film)
    assert first.description == last.description == NOTHING
    assert not any((first.grounded, first.mood, first.frames_s))
    assert len([p for p in chat.prompts if p.json_schema]) == 1
    assert describer(chat, policy=policy).describe([]) == ()


def test_a_reply_that_is_no_description_leaves_the_evidence() -> None:
    for text in ("A cat.", json.dumps({"description": 3}), "[]"):
        assert as_written(describe(CAT, text)) == as_written(compose(CAT))


def test_a_damaged_keyframe_is_left_out_and_the_scene_is_told_by_the_others() -> None:
    film = scene(0, frames=[frame(1.0, data=b"\xff\xd8 damaged"), frame(4.0)])
    assert describe(film, reply("A white square stands on grey.")).frames_s == (4.0,)


def test_a_model_that_cannot_be_reached_is_left_to_whoever_tries_again() -> None:
    class Unreachable(ScriptedChat):
        def say(self, prompts: object) -> list[Saying | ChatError]:
            raise TransientError("connection refused")

    with pytest.raises(TransientError):
        describer(Unreachable(always(""))).describe([CAT])


@POLICIES
def test_replies_that_cannot_be_told_apart_are_used_for_no_scene(policy: type[Policy]) -> None:
    class Loses(ScriptedChat):
        def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
            return super().say(prompts)[:-1]

    film = [scene(i, said="A cat sleeps here.", frames=[frame(i * 10 + 1.0)]) for i in range(3)]
    with pytest.raises(RuntimeError, match=r"replies to \d prompts"):
        describer(Loses(always(reply("A cat."))), policy=policy).describe(film)


def test_what_was_spent_is_told_once() -> None:
    engine = describer(ScriptedChat(always(reply("A cat."))), policy=Late)
    engine.describe([CAT])
    assert engine.take_usage() == Usage(n_prompts=3, n_prompt_tokens=30, n_reply_tokens=15)
    assert engine.take_usage() == Usage()


SHAPING: dict[str, object] = {
    "max_tokens": 301,
    "context_tokens": 7000,
    "max_frames": 7,
    "frame_side_px": 224,
    "same_frame": 0.9,
    "dull_side_px": 112,
    "n_neighbours": 2,
    "policy": "late",
}


@pytest.mark.parametrize(("name", "value"), SHAPING.items())
def test_prompt_hash_follows_what_shapes_a_description(name: str, value: object) -> None:
    chat = ScriptedChat(always(""))
    changed = CONFIG.model_copy(update={name: value})
    assert describer(chat).prompt_hash != describer(chat, config=changed).prompt_hash
    assert describer(chat).prompt_hash == describer(chat).prompt_hash


def test_prompt_hash_does_not_follow_how_a_model_is_reached() -> None:
    chat = ScriptedChat(always(""))
    changed = CONFIG.model_copy(update={"timeout_s": 3.0, "concurrency": 1, "base_url": "http://x"})
    assert describer(chat).prompt_hash == describer(chat, config=changed).prompt_hash


def test_prompt_hash_follows_the_prompts_the_policy_and_the_models_eyes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat, blind = ScriptedChat(always("")), ScriptedChat(always(""), sees=False)
    hashes = {describer(c, policy=p).prompt_hash for c in (chat, blind) for p in (Early, Late)}
    assert len(hashes) == 4
    monkeypatch.setattr(llm, "read_prompt", lambda name: f"another {name}")
    assert describer(chat).prompt_hash not in hashes


def test_a_reply_too_short_for_a_description_is_refused_before_the_run() -> None:
    with pytest.raises(UsageError, match=r"describe\.max_tokens is 60: .* need \d+ or more"):
        describer(ScriptedChat(always("")), config=DescribeConfig())


def test_a_small_model_in_this_process_tells_nothing_that_is_not_there() -> None:
    film = [CAT, scene(1, said="It is served in a red cup. The water was 93 degrees hot.")]
    config = DescribeConfig(engine="llama-cpp", max_tokens=220, context_tokens=2048, device="cpu")
    engine = ChatDescriber(config, LlamaChat(config), policy=Early)
    engine.setup()
    for known, described in zip(film, engine.describe(film), strict=True):
        own_words = described.description.removeprefix("Said: ").split(" Seen: ")[0]
        assert unsupported(own_words, [known.transcript, "CHAPTER 1"]) == []
        assert "Chelsea" not in described.description or known is CAT
    usage = engine.take_usage()
    assert (usage.n_prompts, usage.n_failed) == (2, 0)
    assert usage.n_reply_tokens > 20
