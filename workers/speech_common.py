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
        return self.transcribe_all([utterances])[0]

    def transcribe_all(self, films: Sequence[Sequence[Utterance]]) -> list[Transcript]:
        """As `transcribe` of each film, with the windows of those of one language together."""
        heard = [[u for u in utterances if len(u.samples)] for utterances in films]
        languages = [self._language_of(utterances) for utterances in heard]
        words = [
            [self._words(utterance, segments, language) for utterance, segments in of_film]
            for of_film, language in zip(
                self._listened(heard, languages, "transcribe"), languages, strict=True
            )
        ]
        spoken = [
            [utterance for utterance, of_one in zip(of_film, told, strict=True) if of_one]
            for of_film, told in zip(heard, words, strict=True)
        ]
        said = [tuple(word for of_one in told for word in of_one) for told in words]
        translations = self._translations(spoken, said, languages)
        return [
            Transcript(of_film, ISO_639_1.get(language, language) if of_film else None, english)
            for of_film, language, english in zip(said, languages, translations, strict=True)
        ]

    def _words(
        self, utterance: Utterance, segments: Sequence[Segment], language: str
    ) -> list[Word]:
        spoken = believed(segments, self._config)
        if self._aligner is not None:
            spoken = self._aligner.align(utterance, spoken)
        return list(on_film_clock(spoken, utterance, language=language))

    def _translations(
        self,
        films: Sequence[Sequence[Utterance]],
        said: Sequence[tuple[Word, ...]],
        languages: Sequence[str],
    ) -> list[tuple[Word, ...]]:
        """What each film says in English: of utterances in which something is said."""
        if not self._config.translate:
            return [()] * len(films)
        foreign = [
            () if language == "en" else utterances
            for utterances, language in zip(films, languages, strict=True)
        ]
        listened = self._listened(foreign, languages, "translate")
        return [
            words if language == "en" else tuple(self._english(of_film))
            for words, language, of_film in zip(said, languages, listened, strict=True)
        ]

    def _english(self, listened: Sequence[tuple[Utterance, list[Segment]]]) -> Iterator[Word]:
        for utterance, segments in listened:
            spoken = believed(segments, self._config, is_translated=True)
            yield from on_film_clock(spoken, utterance, language="en")

    def _listened(
        self, films: Sequence[Sequence[Utterance]], languages: Sequence[str], task: Task
    ) -> list[list[tuple[Utterance, list[Segment]]]]:
        """Each film's utterances with what is heard in them."""
        found: list[list[tuple[Utterance, list[Segment]]]] = [[] for _ in films]
        for language in sorted(set(languages)):
            places = [
                (number, utterance)
                for number, utterances in enumerate(films)
                if languages[number] == language
                for utterance in utterances
            ]
            if places:
                utterances = [utterance for _, utterance in places]
                heard = self._segments(utterances, language=language, task=task)
                for (number, utterance), segments in zip(places, heard, strict=True):
                    found[number].append((utterance, segments))
        return found

    def _language_of(self, utterances: Sequence[Utterance]) -> str:
        """What is configured, or else heard; nothing in particular of silence."""
        asked = self._config.language
        if asked or not utterances:
            return whispers_own(asked) if asked else ""
        return self._language(utterances)

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
