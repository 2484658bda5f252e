"""All engines of speech do the same: one suite over the three, with the same tiny weights.

The weights are the packaged ones, converted (tests/media/whisper_checkpoints.py).
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import SpeechConfig, VadConfig
from scenelake.schemas.errors import MissingWeightsError, UsageError
from scenelake.schemas.media import AudioChunk, Utterance
from scenelake.schemas.rows import Word
from scenelake.workers import weights
from scenelake.workers.engines import Transcriber, Transcript
from scenelake.workers.speech import FasterWhisper
from scenelake.workers.speech_openai import OpenAiWhisper
from scenelake.workers.speech_transformers import TransformersWhisper
from scenelake.workers.vad import SileroVad
from tests.media import whisper_checkpoints as checkpoints
from tests.params import slow

RATE = 16_000
ENGINES: Mapping[str, Any] = {
    "faster-whisper": FasterWhisper,
    "openai-whisper": OpenAiWhisper,
    "transformers": TransformersWhisper,
}
BATCHED = ("faster-whisper", "transformers")
EVERY = pytest.mark.parametrize("name", ENGINES)
FIRST_QUICK = pytest.mark.parametrize(
    "name", ["faster-whisper", *slow("openai-whisper", "transformers")]
)
"""For what costs most; of the others the sonnet tells first whether they are right."""
MOST_WORDS_OTHERWISE = 0.05
NEAR_S, SHARE_NEAR = 0.25, 0.9

FIRST, LAST = "We are going to the market today.", "I would like a cup of coffee, please."

Samples = NDArray[np.float32]
Speak = Callable[..., Samples]
Make = Callable[..., Transcriber]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The same weights as each engine wants them."""
    packaged = weights.locate("whisper-tiny")
    root = tmp_path_factory.mktemp("whisper")
    openai = checkpoints.openai_checkpoint(packaged, root / "tiny.en.pt")
    transformers = checkpoints.transformers_folder(packaged, root / "transformers")
    return {
        "faster-whisper": "whisper-tiny",
        "openai-whisper": str(openai),
        "transformers": str(transformers),
    }


@pytest.fixture(scope="session")
def engine(models: Mapping[str, str]) -> Make:
    """``engine(name, **settings)``: an engine that is set up, once for the same settings."""

    @functools.cache
    def make(name: str, **settings: Any) -> Transcriber:
        made: Transcriber = ENGINES[name](
            SpeechConfig(engine=name, **{"model": models[name], "beam_size": 1} | settings)
        )
        made.setup()
        return made

    return make


@pytest.fixture(scope="session")
def poem(sonnet: Any, read_samples: Callable[[Path], Samples]) -> list[Utterance]:
    detector = SileroVad(VadConfig())
    detector.setup()
    return list(detector.utterances([AudioChunk(read_samples(sonnet.audio), RATE, 0.0)]))


@pytest.fixture(scope="session")
def read_poem(engine: Make, poem: list[Utterance]) -> Callable[[str], Transcript]:
    """``read_poem(name)``: the sonnet as an engine writes it down, batched if it can."""

    @functools.cache
    def read(name: str) -> Transcript:
        return engine(name, batch_size=4).transcribe(poem)

    return read


def whole(samples: NDArray[np.floating], *, start_s: float = 0.0, rate: int = RATE) -> Utterance:
    """All of the sound as one utterance, as if a detector took it for speech."""
    return Utterance((np.clip(samples, -1, 1) * 32767).astype(np.int16), rate, start_s)


def said(speak: Speak, sentence: str, *, start_s: float = 0.0, **voice: Any) -> Utterance:
    """A sentence with a little silence around it, as a detector leaves it."""
    quiet = np.zeros(RATE // 2, np.float32)
    return whole(np.concatenate([quiet, speak(sentence, **voice), quiet]), start_s=start_s)


def noise(seconds: float) -> Samples:
    samples = np.random.default_rng(1).normal(0, 0.1, round(seconds * RATE))
    return samples.astype(np.float32)


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w' ]+", " ", text.lower()).split())


def text(words: Sequence[Word]) -> str:
    return plain(" ".join(word.text for word in words))


def assert_same(ours: Transcript, theirs: Transcript, *, scores: float = 0.1) -> None:
    """The same words; times and scores as near as sums in another order are."""
    assert [w.text for w in ours.words] == [w.text for w in theirs.words]
    assert ours.language == theirs.language
    for one, two in zip(ours.words, theirs.words, strict=True):
        assert one.start_s == pytest.approx(two.start_s, abs=0.1)
        assert one.end_s == pytest.approx(two.end_s, abs=0.1)
        assert one.score == pytest.approx(two.score, abs=scores)


@EVERY
def test_words_are_bare_in_order_and_within_their_utterances(
    read_poem: Callable[[str], Transcript], poem: list[Utterance], name: str
) -> None:
    words = read_poem(name).words
    assert all(isinstance(word, Word) for word in words)
    assert all(word.text == word.text.strip() != "" for word in words)
    assert all(0 <= word.score <= 1 for word in words)
    assert all(a.start_s <= b.start_s for a, b in pairwise(words))
    for word in words:
        assert any(u.start_s <= word.start_s <= word.end_s <= u.end_s for u in poem), word


@EVERY
def test_a_person_who_reads_is_understood(
    read_poem: Callable[[str], Transcript], sonnet: Any, name: str
) -> None:
    assert jiwer.wer(plain(sonnet.text), text(read_poem(name).words)) < 0.15
    assert read_poem(name).language == "en"
    assert read_poem(name).translation == ()


@pytest.mark.parametrize(("one", "other"), list(combinations(ENGINES, 2)))
def test_engines_with_the_same_weights_agree_on_the_sonnet(
    read_poem: Callable[[str], Transcript], one: str, other: str
) -> None:
    ours, theirs = read_poem(one).words, read_poem(other).words
    assert jiwer.wer(text(ours), text(theirs)) <= MOST_WORDS_OTHERWISE
    texts = [[plain(word.text) for word in words] for words in (ours, theirs)]
    same = difflib.SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks()
    off_s = [
        max(abs(a.start_s - b.start_s), abs(a.end_s - b.end_s))
        for i, j, n in same
        for a, b in zip(ours[i : i + n], theirs[j : j + n], strict=True)
    ]
    assert len(off_s) > 90
    assert np.mean(np.array(off_s) <= NEAR_S) >= SHARE_NEAR


@EVERY
def test_where_nothing_is_said_there_are_no_words(engine: Make, name: str) -> None:
    made = engine(name, batch_size=4)
    nothing = Transcript((), None)
    assert made.transcribe([]) == nothing
    silence, empty = whole(np.zeros(3 * RATE)), whole(np.zeros(0))
    assert made.transcribe([silence, whole(noise(3), start_s=5.0), empty]) == nothing


@FIRST_QUICK
def test_an_utterance_without_speech_does_not_touch_the_others(
    engine: Make, speak: Speak, name: str
) -> None:
    """One of noise and one of no length, among two that speak."""
    made = engine(name, batch_size=4)
    first = said(speak, FIRST)
    last = said(speak, LAST, start_s=40.0)
    odd = [whole(noise(4), start_s=10.0), whole(np.zeros(0), start_s=20.0)]
    with_odd = made.transcribe([first, *odd, last])
    assert text(with_odd.words) == plain(f"{FIRST} {LAST}")
    assert_same(with_odd, made.transcribe([first, last]))


@pytest.mark.parametrize("name", BATCHED)
def test_alone_or_in_a_batch_makes_no_difference(engine: Make, speak: Speak, name: str) -> None:
    """Utterances of very different lengths, so that rows of a batch are padded."""
    sentences = ["Yes.", FIRST, LAST]
    utterances = [said(speak, s, start_s=10.0 * i) for i, s in enumerate(sentences)]
    alone = engine(name, batch_size=1).transcribe(utterances)
    assert_same(engine(name, batch_size=4).transcribe(utterances), alone)
    assert text(alone.words) == plain(" ".join(sentences))


@pytest.mark.parametrize("name", BATCHED)
def test_films_heard_together_are_heard_as_each_alone(
    engine: Make, speak: Speak, name: str
) -> None:
    """The second film is silent, the third one long."""
    made = engine(name, batch_size=4)
    films = [
        [said(speak, FIRST)],
        [],
        [said(speak, sentence, start_s=10.0 * i) for i, sentence in enumerate([LAST, "Yes."])],
    ]
    for together, film in zip(made.transcribe_all(films), films, strict=True):
        assert_same(together, made.transcribe(film))


def test_films_of_two_languages_heard_together_each_keep_their_own(
    engine: Make, speak: Speak, of_many_languages: Callable[[str], str]
) -> None:
    model = of_many_languages("faster-whisper")
    made = engine("faster-whisper", model=model, batch_size=4, beam_size=2, translate=True)
    german = [said(speak, "Guten Morgen, meine Damen und Herren.", voice="de", wpm=130)]
    told = made.transcribe_all([german, [said(speak, LAST)], german])
    assert [one.language for one in told] == ["de", "en", "de"]
    assert text(told[1].translation) == text(told[1].words) == plain(LAST)
    assert text(told[0].translation) == "good morning my ladies and gentlemen"
    assert_same(told[2], told[0])


def test_sound_at_another_rate_is_written_down_all_the_same(engine: Make, speak: Speak) -> None:
    """The engines share what converts it."""
    made, usual = engine("faster-whisper", batch_size=4), said(speak, LAST)
    at = np.arange(2 * len(usual.samples)) / 2
    finer = np.interp(at, np.arange(len(usual.samples)), usual.samples).astype(np.int16)
    assert_same(
        made.transcribe([Utterance(finer, 2 * RATE, 0.0)]), made.transcribe([usual]), scores=0.2
    )


@FIRST_QUICK
def test_a_prompt_tells_how_names_are_written(engine: Make, speak: Speak, name: str) -> None:
    utterance = [said(speak, "My friend Kathryn Smythe lives by the sea.")]
    for told in ({"hotwords": "Kathryn Smythe"}, {"initial_prompt": "About Kathryn Smythe."}):
        made = engine(name, batch_size=4, beam_size=2, **told)
        assert "smythe" in text(made.transcribe(utterance).words)
    untold = engine(name, batch_size=4).transcribe(utterance)
    assert "smythe" not in text(untold.words)


@EVERY
def test_a_prompt_that_leaves_no_room_for_text_is_refused(engine: Make, name: str) -> None:
    with pytest.raises(UsageError, match=r"speech\.initial_prompt .* tokens together"):
        engine(name, initial_prompt="one two three " * 100)


@EVERY
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "de"}, r"speech\.language: .* does not know 'de'"),
        ({"language": "xx"}, r"speech\.language: .* does not know 'xx'"),
        ({"translate": True}, r"speech\.translate: .* knows English only"),
    ],
)
def test_what_an_english_model_cannot_do_is_known_before_it_is_loaded(
    models: Mapping[str, str], name: str, settings: dict[str, Any], message: str
) -> None:
    made = ENGINES[name](SpeechConfig(engine=name, model=models[name], **settings))
    with pytest.raises(UsageError, match=message):
        made.check()


@EVERY
def test_a_folder_that_holds_no_model_for_an_engine_is_refused(tmp_path: Path, name: str) -> None:
    made = ENGINES[name](SpeechConfig(engine=name, model=str(tmp_path)))
    with pytest.raises(UsageError, match=rf"speech\.model: .* is not a model for {name}"):
        made.check()


def test_words_can_be_timed_by_another_model(
    engine: Make, speak: Speak, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A model of chance puts them anywhere, but in order and within the utterance."""
    ctc = checkpoints.ctc_folder(tmp_path_factory.mktemp("ctc"))
    utterance = said(speak, LAST, start_s=7.0)
    made = engine("faster-whisper", batch_size=4, align_model=str(ctc))
    usual = engine("faster-whisper", batch_size=4).transcribe([utterance])
    timed = made.transcribe([utterance])
    assert [w.text for w in timed.words] == [w.text for w in usual.words]
    assert [w.start_s for w in timed.words] != [w.start_s for w in usual.words]
    assert all(7.0 <= w.start_s <= w.end_s <= utterance.end_s for w in timed.words)
    assert made.weights[1] == str(ctc)
    assert made.model.count("@") == 2


@pytest.fixture(scope="session")
def of_many_languages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """``of_many_languages(name)``: a model of 99 languages as an engine wants it."""
    try:
        packaged = weights.locate("whisper-base")
    except MissingWeightsError as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("base")
    saved = {
        "faster-whisper": lambda: "whisper-base",
        "openai-whisper": lambda: checkpoints.openai_checkpoint(packaged, root / "base.pt"),
        "transformers": lambda: checkpoints.transformers_folder(packaged, root / "transformers"),
    }
    return functools.cache(lambda name: str(saved[name]()))


@FIRST_QUICK
def test_german_is_told_from_other_languages_and_translated_beside_itself(
    engine: Make, speak: Speak, of_many_languages: Callable[[str], str], name: str
) -> None:
    greeting = said(speak, "Guten Morgen, meine Damen und Herren.", voice="de", wpm=130)
    made = engine(name, model=of_many_languages(name), batch_size=4, beam_size=2, translate=True)
    found = made.transcribe([greeting])
    assert found.language == "de"
    assert text(found.words) == "guten morgen meine damen und herren"
    assert text(found.translation) == "good morning my ladies and gentlemen"
    assert all(a.start_s <= b.start_s for a, b in pairwise(found.translation))
    assert all(0 <= w.start_s <= w.end_s <= greeting.end_s for w in found.translation)


def test_what_is_said_in_english_is_its_own_translation(
    engine: Make, speak: Speak, of_many_languages: Callable[[str], str]
) -> None:
    made = engine("faster-whisper", model=of_many_languages("faster-whisper"), translate=True)
    found = made.transcribe([said(speak, LAST)])
    assert (found.language, text(found.translation)) == ("en", plain(LAST))
    assert found.translation == found.words


def test_a_model_of_many_languages_says_which_it_knows(
    of_many_languages: Callable[[str], str],
) -> None:
    model = of_many_languages("faster-whisper")
    FasterWhisper(SpeechConfig(model=model, language="jv", translate=True)).check()
    with pytest.raises(UsageError, match="does not know 'xx'; it knows en, zh, de"):
        FasterWhisper(SpeechConfig(model=model, language="xx")).check()
