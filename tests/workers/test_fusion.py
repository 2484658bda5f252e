"""How a scene is told to a language model: in its own order, within its room, apart from others."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.rows import Scene, Word
from scenelake.workers import budget
from scenelake.workers.chat import ChatError, Prompt
from scenelake.workers.fusion import Early, Hybrid, Late, Policy, Telling, policy_named
from scenelake.workers.moments import materials, utterances

from .telling import CONFIG, ScriptedChat, frame, reply, scene, text_of, times_of, words

POTTERY = scene(
    1,
    spoken=words("The potter wets her hands.", start_s=11.0) + words("Then she waits.", start_s=15),
    frames=[frame(10.5, label="potter's wheel"), frame(12.0), frame(16.2, label="vase")],
    screen=[(12.0, "DELFT 1972")],
    sounds=["Water"],
)
BEFORE = scene(0, said="Anna opens the workshop.", frames=[frame(2.0, label="door")])
AFTER = scene(2, said="Tom sells the bowls.", screen=[(22.0, "SALE")])
FILM = [BEFORE, POTTERY, AFTER]


def tell(
    policy: type[Policy],
    scenes: Sequence[Scene],
    chat: ScriptedChat,
    *,
    config: DescribeConfig = CONFIG,
) -> list[Telling]:
    return policy(config).tell(materials(scenes, config, sees=chat.sees), chat.say)


def _scripted(prompt: Prompt) -> str:
    if prompt.json_schema is not None:
        return reply("A potter works.")
    return f"caption of {times_of(prompt)[0]}" if times_of(prompt) else "Bowls are sold."


def _own(prompt: Prompt) -> str:
    """What a prompt tells of the scene itself."""
    return text_of(prompt).split("This scene, from", 1)[1]


def test_early_tells_pictures_and_sentences_in_the_order_of_the_film() -> None:
    chat = ScriptedChat(_scripted)
    tell(Early, [POTTERY], chat)
    told = re.findall(r"<[\d.]+>|wets|DELFT|waits", text_of(chat.prompts[0]))
    assert told == ["<10.5>", "wets", "<12.0>", "DELFT", "waits", "<16.2>"]


def test_early_says_each_pictures_time_before_it() -> None:
    chat = ScriptedChat(_scripted)
    tell(Early, FILM, chat)
    for prompt in chat.prompts:
        stamped = re.findall(r"\[([\d.]+) s\] picture:\n<([\d.]+)>", text_of(prompt))
        assert [float(told) for told, _ in stamped] == list(times_of(prompt))
        assert all(told == shown for told, shown in stamped)


def test_early_says_when_a_sentence_begins_and_what_else_is_heard() -> None:
    chat = ScriptedChat(_scripted)
    tell(Early, [POTTERY], chat)
    told = text_of(chat.prompts[0])
    assert '[11.0 s] said: "The potter wets her hands."' in told
    assert '[12.0 s] on screen: "DELFT 1972"' in told
    assert "heard: Water" in told


def test_all_scenes_are_asked_for_at_once_stage_by_stage() -> None:
    for policy, n_prompts in ((Early, [3]), (Late, [4, 3]), (Hybrid, [3, 3])):
        chat = ScriptedChat(_scripted)
        tell(policy, FILM, chat)
        assert [len(call) for call in chat.calls] == n_prompts


def test_a_model_without_eyes_is_told_what_was_recognised_in_each_picture() -> None:
    for policy in (Early, Late, Hybrid):
        chat = ScriptedChat(_scripted, sees=False)
        tell(policy, [POTTERY], chat)
        told = text_of(chat.prompts[-1])
        assert all(times_of(prompt) == () for prompt in chat.prompts)
        assert "[10.5 s] seen: potter's wheel" in told
        assert told.index("wheel") < told.index("wets") < told.index("DELFT") < told.index("vase")


def test_late_shows_each_picture_alone_and_merges_what_is_said_of_them_in_order() -> None:
    chat = ScriptedChat(_scripted)
    (telling,) = tell(Late, [POTTERY], chat)
    assert [times_of(prompt) for prompt in chat.calls[0]] == [(10.5,), (12.0,), (16.2,)]
    (merge,) = chat.calls[1]
    assert times_of(merge) == ()
    told = re.findall(r"caption of [\d.]+|wets|DELFT|waits", text_of(merge))
    captions = [f"caption of {t}" for t in (10.5, 12.0, 16.2)]
    assert told == [captions[0], "wets", captions[1], "DELFT", "waits", captions[2]]
    assert telling.material.times_s == (10.5, 12.0, 16.2)


def test_late_gives_each_scene_the_captions_of_its_own_pictures_when_some_fail() -> None:
    def caption(prompt: Prompt) -> str | ChatError:
        times_s = times_of(prompt)
        return ChatError("cut off") if times_s and int(times_s[0]) % 3 == 0 else _scripted(prompt)

    film = [scene(i, frames=[frame(i * 10 + 1.0), frame(i * 10 + 5.0)]) for i in range(9)]
    chat = ScriptedChat(caption)
    tellings = tell(Late, film, chat)
    for i, (prompt, telling) in enumerate(zip(chat.calls[1], tellings, strict=True)):
        told = tuple(float(t) for t in re.findall(r"caption of ([\d.]+)", text_of(prompt)))
        assert told == tuple(t for t in (i * 10 + 1.0, i * 10 + 5.0) if int(t) % 3)
        assert telling.material.times_s == told


def test_a_scene_of_which_no_picture_could_be_told_is_not_asked_for() -> None:
    chat = ScriptedChat(lambda _: ChatError("cut off"))
    (telling,) = tell(Late, [scene(frames=[frame(1.0)])], chat)
    assert isinstance(telling.reply, ChatError)
    assert len(chat.calls) == 1


def test_neighbours_are_told_in_brief_and_before_the_scene() -> None:
    chat = ScriptedChat(_scripted)
    tell(Early, FILM, chat)
    others = text_of(chat.prompts[1]).split("This scene, from")[0]
    assert 'Earlier: said: "Anna opens the workshop."; seen: door' in others
    assert 'Later: said: "Tom sells the bowls."; on screen: "SALE"' in others
    assert not re.search("Anna|Tom|SALE|door", _own(chat.prompts[1]))


def test_only_so_many_neighbours_are_told_and_none_of_another_film() -> None:
    film = [scene(i, said=f"Sentence {'abcdefg'[i]}.") for i in range(7)]
    for n, told in ((0, ""), (1, "ce"), (2, "bcef")):
        chat = ScriptedChat(_scripted)
        tell(Early, film, chat, config=CONFIG.model_copy(update={"n_neighbours": n}))
        others = text_of(chat.prompts[3]).split("This scene, from")[0]
        assert "".join(re.findall(r"Sentence (\w)", others)) == told
    chat = ScriptedChat(_scripted)
    tell(Early, [scene(0, said="Elsewhere.", video_id="other"), POTTERY], chat)
    assert "Elsewhere" not in text_of(chat.prompts[1])


def test_hybrid_sums_neighbours_up_first_and_tells_the_sum_in_their_place() -> None:
    chat = ScriptedChat(_scripted)
    tell(Hybrid, FILM, chat)
    about, scenes = chat.calls
    assert "Anna opens the workshop." in text_of(about[1])
    assert "Tom sells the bowls." in text_of(about[1])
    assert "potter" not in text_of(about[1])
    others, own = text_of(scenes[1]).split("This scene, from")
    assert "Bowls are sold." in others
    assert "Anna" not in others
    assert "<10.5>" in own


def test_neighbours_that_cannot_be_summed_up_are_told_in_brief() -> None:
    chat = ScriptedChat(lambda p: _scripted(p) if p.json_schema else ChatError("refused"))
    tell(Hybrid, FILM, chat)
    assert "Anna opens the workshop." in text_of(chat.calls[1][1])


def test_a_sentence_ends_at_a_full_stop_at_a_pause_or_where_another_speaks() -> None:
    said = [
        *words("One two. Three", start_s=0.0),
        Word("four", 3.0, 3.2, 0.9),
        Word("five", 3.3, 3.5, 0.9, speaker="B"),
    ]
    texts = [" ".join(word.text for word in sentence) for sentence in utterances(said)]
    assert texts == ["One two.", "Three", "four", "five"]


def test_a_speech_without_full_stops_is_told_in_pieces() -> None:
    said = words("la " * 100, start_s=0.0)
    assert max(len(sentence) for sentence in utterances(said)) <= 40


LONG = scene(
    1,
    spoken=words(" ".join(f"w{i}" for i in range(600)), start_s=10.0, word_s=0.015),
    frames=[frame(10.0 + i) for i in range(8)],
)
LONG_FILM = [BEFORE, LONG, AFTER]


def _within(context_tokens: int) -> Prompt:
    chat = ScriptedChat(_scripted)
    config = CONFIG.model_copy(update={"context_tokens": context_tokens})
    tell(Early, LONG_FILM, chat, config=config)
    return chat.prompts[1]


def _told(prompt: Prompt) -> tuple[int, int, int]:
    """How many neighbours, pictures and words a prompt tells."""
    text = text_of(prompt)
    n_around = len(re.findall(r"Earlier|Later", text))
    return n_around, len(times_of(prompt)), len(re.findall(r"\bw\d+\b", text))


def test_what_does_not_fit_is_left_out_neighbours_first_then_pictures_then_words() -> None:
    told = [_told(_within(context)) for context in range(5300, 1300, -100)]
    assert told[0] == (2, 8, 600)
    assert sorted(told, reverse=True) == told
    for n_around, n_frames, n_words in told:
        assert n_frames == 8 or n_around == 0
        assert n_words == 600 or n_frames <= 1
    assert {n_frames for _, n_frames, _ in told} >= {8, 4, 1}
    assert any(0 < n_words < 600 for _, _, n_words in told)


def test_a_prompt_and_its_reply_fit_the_context_by_our_estimate() -> None:
    for context in range(5300, 1300, -100):
        n_tokens = budget.prompt_tokens(_within(context), side_px=CONFIG.frame_side_px)
        assert n_tokens + CONFIG.max_tokens <= context


def test_fewer_pictures_are_still_spread_over_the_scene() -> None:
    shown = times_of(_within(3000))
    assert 2 <= len(shown) < 8
    assert shown[0] < 12.0
    assert shown[-1] > 15.0


def test_words_are_left_out_of_the_middle_and_that_is_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = text_of(_within(1500))
    assert re.search(r"w0 w1 .* …\s.*w598 w599", text.replace('"', ""), re.DOTALL)
    kept = [int(n) for n in re.findall(r"\bw(\d+)\b", text)]
    gaps = [b - a for a, b in pairwise(kept) if b != a + 1]
    assert len(gaps) == 1
    assert f"{LONG.scene_id}: only {len(kept)} of 600 words fit" in caplog.text


def test_the_neighbourhood_that_is_summed_up_fits_too() -> None:
    film = [scene(0, said="long " * 5000), POTTERY]
    chat = ScriptedChat(_scripted)
    config = CONFIG.model_copy(update={"context_tokens": 2500})
    tell(Hybrid, film, chat, config=config)
    assert all(budget.prompt_tokens(p, side_px=448) + p.max_tokens <= 2500 for p in chat.prompts)


def test_any_scene_fits_any_context_that_is_accepted() -> None:
    rng = random.Random(4)
    for _ in range(40):
        said = " ".join(
            rng.choice(["a", "word", "antidisestablishmentarianism"]) for _ in range(80)
        )
        screen = [(rng.uniform(0, 10), "x" * rng.randint(1, 400)) for _ in range(rng.randint(0, 9))]
        frames = [frame(float(i)) for i in range(rng.randint(0, 10))]
        config = CONFIG.model_copy(update={"context_tokens": rng.randint(1350, 6000)})
        chat = ScriptedChat(_scripted)
        tell(Early, [scene(said=said, screen=screen, frames=frames)], chat, config=config)
        for prompt in chat.prompts:
            n_tokens = budget.prompt_tokens(prompt, side_px=config.frame_side_px)
            assert n_tokens + config.max_tokens <= config.context_tokens


def test_a_context_with_no_room_for_a_scene_is_refused_with_what_it_takes() -> None:
    with pytest.raises(UsageError, match=r"describe.context_tokens is 700: .* or more") as refused:
        Early(CONFIG.model_copy(update={"context_tokens": 700}))
    enough = int(re.findall(r"needs (\d+)", str(refused.value))[0])
    Early(CONFIG.model_copy(update={"context_tokens": enough}))


def test_a_policy_of_no_known_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"describe\.policy: no policy is named 'earliest'"):
        policy_named("earliest")
