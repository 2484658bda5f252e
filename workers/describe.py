"""Descriptions and titles of scenes, by SmolLM2-135M and from the scene's own evidence.

What is seen and what is written on screen is told as it was recognised. What is said is
summed up in one sentence by the model; that sentence is kept if it is grounded (see
`scenelake.workers.grounding`), and otherwise the beginning of the speech stands in its
place. The model is not asked about pictures: from two labels it makes up a story.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from string import Template

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Label, Scene
from scenelake.workers import weights
from scenelake.workers.grounding import (
    MIN_CONTENT_SHARE,
    MIN_PAIR_SHARE,
    is_grounded,
    sentences,
    tokens,
)
from scenelake.workers.llm import SMOLLM2, LocalLlm, load_smollm2, prompts_hash, read_prompt

NOTHING = "Nothing recognised in this scene."

MIN_LABEL_SCORE = 0.2
MAX_LABELS = 3
MAX_SCREEN_LINES = 4
MAX_SCREEN_CHARS = 60
MAX_SPEECH_WORDS = 120
MAX_QUOTE_WORDS = 40
MAX_TITLE_WORDS = 8
MIN_SUMMARY_CONTENT = 3

_PROMPTS = ("describe_system", "describe")
_CLAUSE_STARTS = frozenset(
    "and but or because so when while which who where if on at in from for with by".split()
)


class SmolLmDescriber:
    """Describes a scene; the same scene always gets the same words.

    `grounded` is True where a sentence of the model was kept, False where the text is
    the evidence alone: nothing said, or nothing true made of it.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config
        self._llm: LocalLlm | None = None

    @property
    def model(self) -> str:
        return weights.identity(SMOLLM2)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape a description."""
        settings = {
            "max_tokens": self._config.max_tokens,
            "grounding": (MIN_CONTENT_SHARE, MIN_PAIR_SHARE, MIN_SUMMARY_CONTENT),
            "labels": (MIN_LABEL_SCORE, MAX_LABELS),
            "screen": (MAX_SCREEN_LINES, MAX_SCREEN_CHARS),
            "speech": (MAX_SPEECH_WORDS, MAX_QUOTE_WORDS, MAX_TITLE_WORDS),
        }
        return prompts_hash(_PROMPTS, settings=settings)

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine.
        """
        self._llm = load_smollm2()

    def describe(self, scene: Scene) -> Scene:
        """The scene with `title`, `description`, `grounded` and `frames_s` filled in."""
        labels, lines = told_labels(scene), told_lines(scene)
        speech = _first_words(scene.transcript, MAX_SPEECH_WORDS)
        summary = self._summary(speech)
        told = summary or _said(speech)
        return replace(
            scene,
            title=title(summary or speech, labels=labels, lines=lines),
            description=_join([told, _seen(labels), _on_screen(lines)]) or NOTHING,
            grounded=bool(summary),
            frames_s=_told_times(scene, labels=labels, lines=lines),
        )

    def _summary(self, speech: str) -> str:
        """The first sentence of the model's that says something and is grounded, or ""."""
        if not speech:
            return ""
        if self._llm is None:
            raise RuntimeError("setup() must come before describe()")
        prompt = Template(read_prompt("describe")).substitute(speech=speech)
        reply = self._llm.chat(
            read_prompt("describe_system"), prompt, max_tokens=self._config.max_tokens
        )
        telling = (part for part in sentences(reply) if _tells(part))
        first = next(telling, "")
        return first if is_grounded(first, [speech]) else ""


def told_labels(scene: Scene) -> tuple[str, ...]:
    """Names of what is seen, surest first; what is unsure is left out."""
    sure = [label for label in scene.labels if label.score >= MIN_LABEL_SCORE]
    ranked: list[Label] = sorted(sure, key=lambda label: -label.score)
    return tuple(dict.fromkeys(label.name for label in ranked))[:MAX_LABELS]


def told_lines(scene: Scene) -> tuple[str, ...]:
    """The first lines of screen text, each once and no longer than a line should be."""
    lines = {line.text.casefold(): line.text.strip() for line in reversed(scene.ocr)}
    in_order = [line.text.casefold() for line in scene.ocr if line.text.strip()]
    unique = [lines[key] for key in dict.fromkeys(in_order)]
    return tuple(_cut(line, MAX_SCREEN_CHARS) for line in unique[:MAX_SCREEN_LINES])


def title(speech: str, *, labels: Iterable[str] = (), lines: Iterable[str] = ()) -> str:
    """At most eight words: of the first telling sentence, else of the labels, else on screen.

    A longer sentence is cut before a clause or preposition, and the cut is shown as "…".
    """
    telling = (part for part in sentences(speech) if _tells(part))
    text = next(telling, "") or ", ".join(labels) or next(iter(lines), "") or speech
    words = text.split()
    if len(words) <= MAX_TITLE_WORDS:
        return text.rstrip(".,;: ")
    starts = [i for i in range(3, MAX_TITLE_WORDS + 1) if words[i].lower() in _CLAUSE_STARTS]
    end = starts[-1] if starts else MAX_TITLE_WORDS
    return " ".join(words[:end]).rstrip(".,;: ") + "…"


def _told_times(
    scene: Scene, *, labels: tuple[str, ...], lines: tuple[str, ...]
) -> tuple[float, ...]:
    """Times of the pictures behind the labels and lines that were told."""
    times = {frame.time_s for frame in scene.keyframes} if labels else set()
    if lines:
        times |= {line.time_s for line in scene.ocr}
    return tuple(sorted(times))


def _said(speech: str) -> str:
    """The beginning of what is said, as a quotation; "…" after it tells that more is."""
    words = speech.split()
    more = " …" if len(words) > MAX_QUOTE_WORDS else ""
    return f'Said: "{_first_words(speech, MAX_QUOTE_WORDS)}"{more}' if words else ""


def _seen(labels: tuple[str, ...]) -> str:
    return f"Seen: {', '.join(labels)}." if labels else ""


def _on_screen(lines: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{line}"' for line in lines)
    return f"On screen: {quoted}." if lines else ""


def _join(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)


def _tells(sentence: str) -> bool:
    """Whether it holds enough content words to be more than a greeting or a yes."""
    content = [t for t in tokens(sentence) if t.is_content or t.is_number]
    return len(content) >= MIN_SUMMARY_CONTENT and sentence[-1] in '.!?"'


def _first_words(text: str, n_words: int) -> str:
    return " ".join(text.split()[:n_words])


def _cut(text: str, n_chars: int) -> str:
    return text if len(text) <= n_chars else text[: n_chars - 1].rstrip() + "…"
