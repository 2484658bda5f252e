"""What the engines that run Whisper have in common: all but the running of the model.

The language is one for all utterances of a clip, the words pass the same doubts and are
put on the film's clock in the same way, so that engines with the same weights agree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import Utterance
from scenelake.schemas.rows import Word
from scenelake.workers import devices, weights
from scenelake.workers.engines import Transcript
from scenelake.workers.forced_align import ForcedAligner
from scenelake.workers.phantoms import believed
from scenelake.workers.resample import samples_at
from scenelake.workers.spoken import Segment
from scenelake.workers.whisper_languages import ISO_639_1, check, languages_of, whispers_own
from scenelake.workers.wordtimes import on_film_clock

Task = Literal["transcribe", "translate"]

SAMPLE_RATE = 16_000
N_LISTENED = 3
"""The language is told from this many utterances, the longest."""
MAX_PROMPT_TOKENS = 223
"""Half of Whisper's context, less the token that marks a prompt."""


class WhisperTranscriber(ABC):
    """A :class:`~scenelake.workers.engines.Transcriber`, but for the running of the model.

    Decodes without sampling, so that the same sound always gives the same words.
    Source: Radford et al. 2022, arXiv:2212.04356.
    """

    def __init__(self, config: SpeechConfig) -> None:
        self._config = config
        self._languages: tuple[str, ...] = ()
        self._aligner = ForcedAligner(config) if config.align_model else None

    @property
    def model(self) -> str:
        """``name@revision``, and after a plus sign that of the model that times words."""
        return "+".join(weights.identity(reference) for reference in self.weights)

    @property
    def weights(self) -> tuple[str, ...]:
        """The model's, and that of the model that times words, if any."""
        align_model = self._config.align_model
        return (self._config.model, align_model) if align_model else (self._config.model,)

    def check(self) -> None:
        """Whether the model can do what is asked of it; does not load it.

        Errors:
            MissingWeightsError: it is not on this machine.
            UsageError: it is no model for this engine, does not know the configured
                language, or cannot translate.
        """
        folder = weights.locate(self._config.model)
        try:
            n_vocabulary = self._n_vocabulary(folder)
        except FileNotFoundError as error:
            raise UsageError(
                f"speech.model: {self._config.model} is not a model for "
                f"{self._config.engine}: {error.filename} is missing"
            ) from error
        self._languages = languages_of(n_vocabulary)
        check(self._config, self._languages)

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine.
            UsageError: as `check`, or the prompt is too long, or no such device.
        """
        self.check()
        self._load(weights.locate(self._config.model))
        n_tokens = self._n_tokens(self._prompt) if self._prompt else 0
        if n_tokens > MAX_PROMPT_TOKENS:
            raise UsageError(
                f"speech.initial_prompt and speech.hotwords are {n_tokens} tokens together; "
                f"Whisper takes {MAX_PROMPT_TOKENS}"
            )
        if self._aligner is not None:
            self._aligner.setup()

    def transcribe(self, utterances: Sequence[Utterance]) -> Transcript:
        """Words of one film, on its clock; without words, no language."""
        heard = [u for u in utterances if len(u.samples)]
        if not heard:
            return Transcript((), None)
        asked = self._config.language
        language = whispers_own(asked) if asked else self._language(heard)
        words = [
            self._words(utterance, segments, language)
            for utterance, segments in self._listened(heard, language, "transcribe")
        ]
        if not any(words):
            return Transcript((), None)
        said = tuple(word for of_one in words for word in of_one)
        spoken = [utterance for utterance, of_one in zip(heard, words, strict=True) if of_one]
        translation = self._translation(spoken, said, language)
        return Transcript(said, ISO_639_1.get(language, language), translation)

    def _words(
        self, utterance: Utterance, segments: Sequence[Segment], language: str
    ) -> list[Word]:
        spoken = believed(segments, self._config)
        if self._aligner is not None:
            spoken = self._aligner.align(utterance, spoken)
        return list(on_film_clock(spoken, utterance, language=language))

    def _translation(
        self, utterances: Sequence[Utterance], said: tuple[Word, ...], language: str
    ) -> tuple[Word, ...]:
        """What is said in English: of utterances in which something is said."""
        if not self._config.translate:
            return ()
        if language == "en":
            return said
        return tuple(
            word
            for utterance, segments in self._listened(utterances, language, "translate")
            for word in on_film_clock(
                believed(segments, self._config, is_translated=True), utterance, language="en"
            )
        )

    def _listened(
        self, utterances: Sequence[Utterance], language: str, task: Task
    ) -> Iterator[tuple[Utterance, list[Segment]]]:
        heard = self._segments(utterances, language=language, task=task)
        yield from zip(utterances, heard, strict=True)

    def _language(self, utterances: Sequence[Utterance]) -> str:
        """The likeliest language of the longest utterances, each weighted by its length."""
        if len(self._languages) == 1:
            return self._languages[0]
        votes: dict[str, float] = defaultdict(float)
        for utterance in sorted(utterances, key=lambda u: -len(u.samples))[:N_LISTENED]:
            for language, probability in self._language_odds(self._sound(utterance)).items():
                votes[language] += probability * len(utterance.samples)
        return max(votes, key=lambda language: votes[language])

    @property
    def _prompt(self) -> str:
        """What the model is told beforehand."""
        told = (self._config.hotwords, self._config.initial_prompt)
        return " ".join(text.strip() for text in told if text and text.strip())

    def _sound(self, utterance: Utterance) -> Float32:
        """(T,) float32 at Whisper's rate."""
        device = "cpu"
        if utterance.sample_rate != SAMPLE_RATE:
            device = devices.device_of(self._config.device)
        return samples_at(utterance, SAMPLE_RATE, device=device)

    @abstractmethod
    def _n_vocabulary(self, path: Path) -> int:
        """Entries in the vocabulary of the model in a folder, or file.

        Errors:
            FileNotFoundError: it is no model for this engine.
        """

    @abstractmethod
    def _load(self, path: Path) -> None:
        """Load the model from a folder, or file."""

    @abstractmethod
    def _n_tokens(self, text: str) -> int: ...

    @abstractmethod
    def _language_odds(self, sound: Float32) -> Mapping[str, float]:
        """Probability of each of the model's languages, by Whisper's code."""

    @abstractmethod
    def _segments(
        self, utterances: Sequence[Utterance], *, language: str, task: Task
    ) -> list[list[Segment]]:
        """What is heard in each utterance."""
