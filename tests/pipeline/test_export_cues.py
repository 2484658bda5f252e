"""Subtitles: what a viewer can rely on, whatever is said, however fast, in any script."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pysubs2
import pytest

from scenelake.pipeline.export.cue_times import CueLimits
from scenelake.pipeline.export.cues import Cue, cues
from scenelake.pipeline.export.subtitles import srt, vtt, with_names
from scenelake.pipeline.export.typeset import ends_sentence, join, slices, width
from scenelake.schemas.rows import Word
from tests.media.timelines import random_shots, random_words
from tests.pipeline.exporting import spoken

MS = 0.0015
CHINESE = "今天天气很好，我们去公园散步吧。" * 6  # noqa: RUF001
SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps all afternoon."


def assert_watchable(shown: list[Cue], cuts_s: tuple[float, ...] = ()) -> None:
    for cue in shown:
        assert 0 <= cue.start_s < cue.end_s <= cue.start_s + 7 + MS
        assert 1 <= len(cue.lines) <= 2
        assert all(line.strip() and width(line) <= 42 for line in cue.lines)
        for cut_s in cuts_s:
            assert min(cut_s - cue.start_s, cue.end_s - cut_s) <= 0.5 + MS
    assert all(before.end_s <= after.start_s for before, after in pairwise(shown))


def text_of(shown: list[Cue]) -> str:
    return "".join("".join(cue.lines) for cue in shown).replace(" ", "")


@pytest.mark.parametrize("seed", range(12))
def test_any_film_gives_subtitles_that_keep_every_word_and_all_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = random_words(rng, 240.0)
    fast = rng.uniform(0.3, 5.0, 200).cumsum()
    cuts_s = tuple(map(float, fast)) if seed % 2 else tuple(s.end_s for s in random_shots(rng, 240))
    shown = cues(words, cuts_s=cuts_s, duration_s=240.0)
    assert_watchable(shown, cuts_s)
    assert text_of(shown) == "".join(word.text for word in words)


def test_calm_speech_is_never_faster_than_can_be_read_nor_gone_in_a_blink() -> None:
    words = spoken(" ".join([SENTENCE] * 20), per_word_s=0.42)
    shown = cues(words, duration_s=500.0)
    for cue in shown:
        assert width(" ".join(cue.lines)) / (cue.end_s - cue.start_s) <= 17
        assert cue.end_s - cue.start_s >= 1
    assert_watchable(shown)


def test_cues_end_where_sentences_and_clauses_do() -> None:
    shown = cues(spoken(" ".join([SENTENCE] * 5)))
    assert len(shown) >= 5
    assert all(cue.text.endswith((".", ",")) for cue in shown)


def test_the_two_lines_are_of_like_width() -> None:
    (cue,) = cues(spoken("we walked along the river until the last light was gone", per_word_s=0.3))
    above, below = map(width, cue.lines)
    assert abs(above - below) <= 10


def test_a_pause_ends_a_cue_and_a_short_gap_is_closed() -> None:
    words = [*spoken("Good morning.", start_s=1.0), *spoken("Who is there?", start_s=2.75)]
    first, second = cues(words)
    assert (first.text, second.text) == ("Good morning.", "Who is there?")
    early, late = cues([*spoken("Yes.", start_s=1.0), *spoken("No.", start_s=2.3)])
    assert early.end_s == late.start_s == 2.3
    far, _ = cues([*spoken("Yes.", start_s=1.0), *spoken("No.", start_s=9.0)])
    assert far.end_s == 2.0


def test_a_word_at_the_films_end_is_shown_for_a_second_all_the_same() -> None:
    (cue,) = cues([Word("Stop!", 9.8, 10.0, 0.9)], duration_s=10.0)
    assert (cue.start_s, cue.end_s) == (9.0, 10.0)


def test_a_cue_leaves_with_the_picture_it_came_with() -> None:
    words = spoken("This is said over a cut and goes on for quite some time", per_word_s=0.5)
    shown = cues(words, cuts_s=(3.0,))
    assert_watchable(shown, (3.0,))
    assert len(shown) == 2


def test_each_speaker_has_cues_of_their_own() -> None:
    words = [*spoken("Are you there?", speaker="Ann"), *spoken("I am.", start_s=1.2, speaker="Bo")]
    assert [cue.speaker for cue in cues(words)] == ["Ann", "Bo"]
    assert "<v Ann>Are you there?" in vtt(cues(words))
    assert [cue.text for cue in cues(with_names(words))] == ["Ann: Are you there?", "Bo: I am."]
    alone = spoken("Nobody else speaks.", speaker="Ann")
    assert cues(with_names(alone))[0].text == "Nobody else speaks."


def test_a_word_wider_than_the_screen_is_divided() -> None:
    shown = cues([Word("ab" * 100, 0.0, 8.0, 0.9)])
    assert_watchable(shown)
    assert text_of(shown) == "ab" * 100


def test_scripts_without_spaces_get_none_and_wide_characters_count_twice() -> None:
    shown = cues(Word(c, n * 0.2, n * 0.2 + 0.2, 0.9) for n, c in enumerate(CHINESE))
    assert_watchable(shown)
    assert " " not in "".join(cue.text for cue in shown)
    assert text_of(shown) == CHINESE
    assert all(not cue.lines[-1][-1].isalpha() for cue in shown)
    assert join(["สวัสดี", "ครับ"]) == "สวัสดีครับ"
    assert join(["안녕", "하세요", "OK"]) == "안녕 하세요 OK"
    assert [width(text) for text in ("日本", "abc", "e\u0301", "한글")] == [4, 3, 1, 4]


def test_a_mark_stays_with_its_letter() -> None:
    assert list(slices("ne\u0301e\u0301", max_width=2)) == ["ne\u0301", "e\u0301"]


def test_a_title_before_a_name_ends_no_sentence() -> None:
    assert [ends_sentence(word) for word in ("him.”", "Mr.", "9.3", "why?)")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "words",
    [
        [Word("again", 5.0, 5.0, 0.1)] * 60,
        [Word("long", 0.0, 60.0, 0.1), Word("short", 1.0, 1.1, 0.1)],
        [Word("\n ", 1.0, 2.0, 0.1), Word("two\nlines", 2.0, 3.0, 0.1)],
        [Word("late", 100.0, 101.0, 0.9), Word("early", 1.0, 2.0, 0.9)],
    ],
    ids=["all at once", "a minute's word", "white space", "out of order"],
)
def test_words_with_odd_times_or_texts_still_give_subtitles(words: list[Word]) -> None:
    shown = cues(words, duration_s=30.0)
    assert_watchable(shown)
    assert len(text_of(shown)) == sum(len("".join(word.text.split())) for word in words)


def test_nothing_said_gives_no_cue() -> None:
    assert cues([]) == []


def test_limits_that_fast_films_cannot_keep_are_refused() -> None:
    with pytest.raises(ValueError, match=r"min_s 2.0"):
        CueLimits(min_s=2.0)


@pytest.mark.parametrize(("format_", "render"), [("srt", srt), ("vtt", vtt)])
def test_a_librarys_parser_reads_back_what_was_shown(
    format_: str, render: Callable[[list[Cue]], str]
) -> None:
    words = random_words(np.random.default_rng(3), 4000.0)
    shown = cues(words, duration_s=4000.0)
    read = pysubs2.SSAFile.from_string(render(shown), format_=format_)
    assert [(e.start, e.end) for e in read] == [
        (round(cue.start_s * 1000), round(cue.end_s * 1000)) for cue in shown
    ]
    assert [event.plaintext for event in read] == [cue.text for cue in shown]


def test_signs_of_the_formats_themselves_are_text() -> None:
    shown = [Cue(1.0, 2.0, ("a --> b & <i>c",), "R&D <x>")]
    assert "<v R&amp;D &lt;x&gt;>a --&gt; b &amp; &lt;i&gt;c" in vtt(shown)
    assert srt(shown).count("-->") == 1
