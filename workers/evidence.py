"""A scene's title and description from what was recognised, word for word.

What is said is quoted, what is seen and what is written on screen is listed. Nothing is
made up, so nothing needs a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Label, Scene
from scenelake.workers.grounding import sentences, tokens
from scenelake.workers.stage import Resources

NOTHING = "Nothing recognised in this scene."

MIN_LABEL_SCORE = 0.2
MAX_LABELS = 3
MAX_SCREEN_LINES = 4
MAX_SCREEN_CHARS = 60
MAX_SPEECH_WORDS = 120
MAX_QUOTE_WORDS = 40
MAX_TITLE_WORDS = 8
MIN_CONTENT = 3

_VERSION = 1
_CLAUSE_STARTS = frozenset(
    "and but or because so when while which who where if on at in from for with by".split()
)


class EvidenceDescriber:
    """Describes without a model, in no time: for drafts, and for machines with none to spare."""

    resources = Resources(cpus=0.2)

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return f"evidence@{_VERSION}"

    @property
    def weights(self) -> tuple[str, ...]:
        return ()

    @property
    def prompt_hash(self) -> str:
        return "none"

    def setup(self) -> None:
        """Has no weights."""

    def describe(self, scenes: Sequence[Scene]) -> tuple[Scene, ...]:
        """The scenes with `title`, `description` and `frames_s`; `grounded` is False."""
        return tuple(compose(scene) for scene in scenes)


def compose(scene: Scene, *, summary: str = "") -> Scene:
    """A scene described by its evidence, the speech summed up by `summary` where there is one.

    `grounded` is True where a summary was kept, False where the text is the evidence alone.
    """
    labels, lines, speech = told_labels(scene), told_lines(scene), told_speech(scene)
    told = summary or said_first(speech)
    return replace(
        scene,
        title=title(summary or speech, labels=labels, lines=lines),
        description=put_together(told, labels=labels, lines=lines) or NOTHING,
        grounded=bool(summary),
        frames_s=_told_times(scene, labels=labels, lines=lines),
    )


def told_speech(scene: Scene) -> str:
    """The beginning of what is said, as much as a description is made from."""
    return _first_words(scene.transcript, MAX_SPEECH_WORDS)


def told_labels(scene: Scene) -> tuple[str, ...]:
    """Names of what is seen, surest first; what is unsure is left out."""
    return surest(scene.labels)


def surest(labels: Iterable[Label]) -> tuple[str, ...]:
    """The few names that are sure enough to be told, surest first, each once."""
    sure = [label for label in labels if label.score >= MIN_LABEL_SCORE]
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
    telling = (part for part in sentences(speech) if tells(part))
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


def said_first(speech: str) -> str:
    """The beginning of what is said, as a quotation; "…" after it tells that more is."""
    words = speech.split()
    more = " …" if len(words) > MAX_QUOTE_WORDS else ""
    return f'Said: "{_first_words(speech, MAX_QUOTE_WORDS)}"{more}' if words else ""


def _seen(labels: tuple[str, ...]) -> str:
    return f"Seen: {', '.join(labels)}." if labels else ""


def _on_screen(lines: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{line}"' for line in lines)
    return f"On screen: {quoted}." if lines else ""


def put_together(told: str, *, labels: tuple[str, ...], lines: tuple[str, ...]) -> str:
    """A description: what is told, then names of what is seen, then lines on screen."""
    return " ".join(part for part in (told, _seen(labels), _on_screen(lines)) if part)


def tells(sentence: str) -> bool:
    """Whether it holds enough content words to be more than a greeting or a yes."""
    content = [t for t in tokens(sentence) if t.is_content or t.is_number]
    return len(content) >= MIN_CONTENT and sentence[-1] in '.!?"'


def _first_words(text: str, n_words: int) -> str:
    return " ".join(text.split()[:n_words])


def _cut(text: str, n_chars: int) -> str:
    return text if len(text) <= n_chars else text[: n_chars - 1].rstrip() + "…"
