"""The demo film is what its truth says, by ffmpeg's own commands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .ffmpeg import pictures, sound, streams, timeline

MOST_BYTES = 1_500_000


def scene(truth: dict[str, Any], name: str) -> dict[str, Any]:
    return next(s for s in truth["scenes"] if s["name"] == name)


def test_it_is_small_enough_to_commit_and_has_pictures_and_sound(demo: Any) -> None:
    assert demo.film.stat().st_size < MOST_BYTES
    codecs = {kind: s["codec_name"] for kind, s in streams(demo.film).items()}
    assert codecs == {"video": "h264", "audio": "aac"}


def test_it_cuts_where_its_scenes_meet_and_nowhere_else(demo: Any) -> None:
    film = pictures(demo.film, (640, 360))[:, ::8, ::8].astype(int)
    change = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    cuts_s = timeline(demo.film).video_s[1:][change > 30]
    scenes = demo.truth["scenes"]
    assert cuts_s == pytest.approx([s["start_s"] for s in scenes[1:]], abs=0.001)
    assert [s["end_s"] for s in scenes[:-1]] == [s["start_s"] for s in scenes[1:]]
    assert len(film) / 24 == pytest.approx(scenes[-1]["end_s"], abs=0.001)


def test_its_sentences_are_heard_when_they_are_said_to_be(demo: Any) -> None:
    loud = np.abs(sound(demo.film, rate=16_000)) > 0.02
    time_s = np.arange(len(loud)) / 16_000
    said = [sentence for s in demo.truth["scenes"] for sentence in s["sentences"]]
    between = np.ones(len(loud), bool)
    for sentence in said:
        during = (time_s > sentence["start_s"] - 0.05) & (time_s < sentence["end_s"] + 0.05)
        assert loud[during].mean() > 0.1, sentence
        between &= ~during
    assert not loud[between].any()


def test_what_may_be_asked_is_told_in_the_scene_that_is_named(demo: Any) -> None:
    for question in demo.truth["questions"]:
        said = " ".join(s["text"] for s in scene(demo.truth, question["scene"])["sentences"])
        assert question["answer"] in said


def test_what_may_be_searched_for_is_in_the_film_once(demo: Any) -> None:
    names = [s["name"] for s in demo.truth["scenes"]]
    assert len(names) == len(set(names))
    assert all(query["scene"] in names for query in demo.truth["queries"])
