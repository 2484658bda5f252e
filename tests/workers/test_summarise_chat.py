"""Summaries by a language model: of all of the film, and no more than is true of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence

import pytest

from scenelake.schemas.config import SummariseConfig
from scenelake.schemas.errors import TransientError, UsageError
from scenelake.schemas.story import Story, Summary
from scenelake.workers.budget import prompt_tokens
from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_llama import LlamaChat
from scenelake.workers.llm import SMOLLM2, SMOLLM2_FILE
from scenelake.workers.summarise import NOTHING, ExtractiveSummariser
from scenelake.workers.summarise_chat import ChatSummariser
from scenelake.workers.weights import locate

from .stories import story, told
from .telling import ScriptedChat, text_of

CONFIG = SummariseConfig(max_tokens=300, context_tokens=4096)
CAT = "This cat is called Chelsea. Her whiskers are long and white."
ROCKET = "The rocket flew in February 2015. It carried a weather satellite into space."


LIE = '{"summary": "The rocket fell on Rome.", "title": "Rome"}'


def axis(index: int) -> list[float]:
    return [float(i == index) for i in range(8)]


def film(*speeches: str, scene_s: float = 30.0) -> Story:
    """A chapter for each speech."""
    spans = [(i * scene_s, i * scene_s + scene_s) for i in range(len(speeches))]
    scenes = [
        told(*span, said, vector=axis(i))
        for i, (span, said) in enumerate(zip(spans, speeches, strict=True))
    ]
    return story(scenes)


def reply(summary: str, title: str = "") -> str:
    return json.dumps({"summary": summary} | ({"title": title} if title else {}))


def by_kind(*, chapter: Callable[[str], str], film: str) -> Callable[[Prompt], str]:
    """Answers prompts for chapters by what they tell, those for the film by one text."""

    def answer(prompt: Prompt) -> str:
        return film if prompt.system.startswith("You sum up a film") else chapter(text_of(prompt))

    return answer


def cat_and_rocket(text: str) -> str:
    if "Chelsea" in text:
        return reply("The cat is called Chelsea, and her whiskers are white.", "Cat called Chelsea")
    return reply("The rocket carried a weather satellite.", "Weather satellite")


def sum_up(
    film_: Story, answer: Callable[[Prompt], str | ChatError], *, config: SummariseConfig = CONFIG
) -> tuple[Summary, ScriptedChat]:
    chat = ScriptedChat(answer, sees=False)
    return ChatSummariser(config, chat).summarise(film_), chat


def own(film_: Story) -> Summary:
    return ExtractiveSummariser(CONFIG).summarise(film_)


def test_chapters_and_film_are_in_the_models_words() -> None:
    whole = "The cat is called Chelsea. The rocket carried a weather satellite into space."
    summary, _ = sum_up(film(CAT, ROCKET), by_kind(chapter=cat_and_rocket, film=reply(whole)))
    assert (summary.text, summary.grounded) == (whole, True)
    assert [(c.start_s, c.end_s, c.title) for c in summary.chapters] == [
        (0.0, 30.0, "Cat called Chelsea"),
        (30.0, 60.0, "Weather satellite"),
    ]


def test_the_film_is_summed_up_from_its_chapters() -> None:
    _, chat = sum_up(film(CAT, ROCKET), by_kind(chapter=cat_and_rocket, film=reply("")))
    last = text_of(chat.prompts[-1])
    assert "The cat is called Chelsea, and her whiskers are white." in last
    assert "The rocket carried a weather satellite." in last


@pytest.mark.parametrize(
    "untrue",
    [
        "The cat Garfield has long white whiskers.",
        "The cat is called Chelsea and has 9 whiskers.",
        'The cat says "hello".',
        "Chelsea flew in February 2015.",
        "The cat is not called Chelsea.",
    ],
)
def test_a_sentence_that_is_not_true_is_left_out(untrue: str) -> None:
    whole = "The cat is called Chelsea. The rocket carried a weather satellite into space."
    answer = by_kind(chapter=cat_and_rocket, film=reply(f"{untrue} {whole}"))
    summary, _ = sum_up(film(CAT, ROCKET), answer)
    assert summary.text == whole


def test_where_nothing_of_a_chapter_is_true_its_own_words_stand() -> None:
    def answer(text: str) -> str:
        return cat_and_rocket(text) if "Chelsea" in text else LIE

    summary, _ = sum_up(film(CAT, ROCKET), by_kind(chapter=answer, film=reply("Rome burns.")))
    assert summary.grounded
    assert summary.text.startswith("The cat is called Chelsea, and her whiskers are white. Said: ")
    assert "The rocket flew in February 2015." in summary.text
    assert summary.chapters[1].title == own(film(CAT, ROCKET)).chapters[1].title


def test_where_nothing_at_all_is_true_the_film_is_as_without_a_model() -> None:
    lie = reply("The queen of England opens a bank.", "The queen")
    summary, _ = sum_up(film(CAT, ROCKET), lambda _: lie)
    assert summary == own(film(CAT, ROCKET))
    assert not summary.grounded


def test_a_summary_that_tells_of_one_chapter_only_is_not_the_films() -> None:
    speeches = (
        CAT,
        ROCKET,
        "Beans are roasted for ten minutes.",
        "Violins are made of maple.",
    )

    def answer(text: str) -> str:
        said = next(s for s in speeches if s.split(".")[0] in text)
        return reply(said.split(".")[0] + ".")

    summary, _ = sum_up(
        film(*speeches), by_kind(chapter=answer, film=reply("The cat is called Chelsea."))
    )
    assert all(speech.split(".")[0] in summary.text for speech in speeches)


def test_a_model_that_fails_leaves_the_films_own_words_and_that_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        summary, _ = sum_up(film(CAT, ROCKET), lambda _: ChatError("the server broke off"))
    assert summary == own(film(CAT, ROCKET))
    assert "film from 30 s: the server broke off; summed up in its own words" in caplog.text


@pytest.mark.parametrize("text", ["A cat.", "[]", '{"summary": 3}', '{"title": "A cat"}'])
def test_a_reply_that_is_no_summary_leaves_the_films_own_words(text: str) -> None:
    assert sum_up(film(CAT, ROCKET), lambda _: text)[0] == own(film(CAT, ROCKET))


def long_film(*, hours: float = 4.0, scene_s: float = 20.0) -> Story:
    """Each scene has a word of its own; what it is about changes every half hour."""
    n = int(hours * 3600 / scene_s)
    scenes = [
        told(
            i * scene_s,
            (i + 1) * scene_s,
            f"The word of this hour is {_letters(i)}. " + "We speak of harbours and ships. " * 8,
            vector=[float(k == i * scene_s // 1800) for k in range(24)],
        )
        for i in range(n)
    ]
    return story(scenes)


def _letters(number: int) -> str:
    return "".join("bcdfghklmn"[int(digit)] + "a" for digit in f"{number:05}")


def _first_sentence_told(prompt: Prompt) -> str:
    text = text_of(prompt)
    start = text.index("The word of this hour is")
    return reply(text[start : text.index(".", start) + 1], "Harbours and ships")


def test_however_long_a_film_is_no_prompt_is_longer_than_the_model_takes() -> None:
    config = SummariseConfig(max_tokens=200, context_tokens=2048)
    summary, chat = sum_up(long_film(), _first_sentence_told, config=config)
    assert len(chat.prompts) > 40
    assert max(prompt_tokens(p, side_px=0) + p.max_tokens for p in chat.prompts) <= 2048
    assert summary.grounded
    assert 6 <= len(summary.chapters) <= 30


def test_every_word_of_a_long_film_is_told_to_the_model_once() -> None:
    config = SummariseConfig(max_tokens=200, context_tokens=2048)
    film_ = long_film(hours=1.0)
    _, chat = sum_up(film_, _first_sentence_told, config=config)
    first = "\n".join(text_of(prompt) for prompt in chat.calls[0])
    assert all(first.count(f"is {_letters(i)}.") == 1 for i in range(len(film_.scenes)))


def test_of_nothing_nothing_is_asked() -> None:
    summary, chat = sum_up(story([told(0, 20), told(20, 40)]), lambda _: reply("A cat sleeps."))
    assert (summary.text, summary.chapters, chat.calls) == (NOTHING, (), [])


def test_a_film_of_one_chapter_is_summed_up_by_one_prompt() -> None:
    summary, chat = sum_up(film(CAT), lambda _: reply("The cat is called Chelsea.", "Chelsea"))
    assert len(chat.prompts) == 1
    assert (summary.text, summary.chapters[0].title) == ("The cat is called Chelsea.", "Chelsea")


def test_screen_text_labels_and_true_descriptions_are_told_to_the_model() -> None:
    scene = told(
        0,
        20,
        labels=["espresso"],
        lines=["Roasted in Ethiopia"],
        description="A red cup stands on a table. Seen: espresso.",
        grounded=True,
    )
    summary, chat = sum_up(
        story([scene]), lambda _: reply("A red cup stands on a table.", "Red cup")
    )
    (prompt,) = chat.prompts
    assert "told: A red cup stands on a table.;" in text_of(prompt)
    assert 'seen: espresso; on screen: "Roasted in Ethiopia"' in text_of(prompt)
    assert (summary.text, summary.grounded) == ("A red cup stands on a table.", True)


def test_a_title_that_runs_on_is_none() -> None:
    title = "This cat is called Chelsea and her whiskers are long and white"
    summary, _ = sum_up(film(CAT), lambda _: reply("The cat is called Chelsea.", title))
    assert summary.chapters[0].title == own(film(CAT)).chapters[0].title


def test_what_was_spent_is_told_once() -> None:
    chat = ScriptedChat(by_kind(chapter=cat_and_rocket, film=reply("")), sees=False)
    engine = ChatSummariser(CONFIG, chat)
    engine.summarise(film(CAT, ROCKET))
    assert engine.take_usage() == Usage(n_prompts=3, n_prompt_tokens=30, n_reply_tokens=15)
    assert engine.take_usage() == Usage()


def test_a_model_that_cannot_be_reached_is_left_to_whoever_tries_again() -> None:
    class Unreachable(ScriptedChat):
        def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
            raise TransientError("connection refused")

    with pytest.raises(TransientError):
        ChatSummariser(CONFIG, Unreachable(lambda _: "")).summarise(film(CAT))


@pytest.mark.parametrize(
    "change", [{"max_tokens": 301}, {"context_tokens": 5000}, {"max_chapters": 9}]
)
def test_what_shapes_a_summary_is_in_its_hash(change: dict[str, int]) -> None:
    other = CONFIG.model_copy(update=change)
    hashes = {ChatSummariser(c, ScriptedChat(str)).prompt_hash for c in (CONFIG, other)}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("config", "told_"),
    [
        ({"max_tokens": 50}, r"summarise.max_tokens is 50: .* need 108 or more"),
        ({"context_tokens": 600}, r"summarise.context_tokens is 600: .* needs \d+ or more"),
    ],
)
def test_too_few_tokens_are_told_before_a_run(config: dict[str, int], told_: str) -> None:
    with pytest.raises(UsageError, match=told_):
        ChatSummariser(CONFIG.model_copy(update=config), ScriptedChat(str))


def test_a_real_small_model_says_nothing_untrue() -> None:
    config = CONFIG.model_copy(update={"model": str(locate(SMOLLM2) / SMOLLM2_FILE)})
    engine = ChatSummariser(config, LlamaChat(config))
    engine.setup()
    summary = engine.summarise(film(ROCKET))
    usage = engine.take_usage()
    assert (usage.n_prompts, usage.n_failed) == (1, 0)
    words = {w.strip('.,;:"').casefold() for w in summary.text.split()}
    known = {w.strip('.,;:"').casefold() for w in f"{ROCKET} said".split()}
    assert len(words - known) <= 0.3 * len(words)
    assert not {w for w in words if w.isdigit()} - {"2015"}
