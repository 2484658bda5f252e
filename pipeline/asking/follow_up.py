"""What a follow-up refers back to, by rules: for answerers without a language model. English.

"and where?"            the last question, asked with "where"
"and the dog?"          the last question, about the dog
"what did she do?"      the name, or the thing, that the last question or answer spoke of
"""

from __future__ import annotations

import re

from scenelake.workers.grounding import Token, tokens

_HOW = r"how(?: (?:many|much|long|old|far|often|big|high))?"
_WH = rf"(?:who|whom|whose|what|which|when|where|why|{_HOW})"
_AND = re.compile(r"^(?:and|but|so|then|ok|okay|also)\b[\s,]*", re.IGNORECASE)
_ONLY_WH = re.compile(rf"^({_WH})\s*\?*$", re.IGNORECASE)
_ABOUT = re.compile(
    r"^(?:(?:what|how) about|and|also)\s+"
    r"(?P<what>(?:the |a |an |his |her |their )?[\w' -]{2,40}?)\s*\?*$",
    re.IGNORECASE,
)
_LEADING_WH = re.compile(rf"^{_WH}\b(?: (?:colou?r|day|year|time))?", re.IGNORECASE)
_VERBS = r"is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might"
_ADJECTIVES = (
    r"new|old|young|big|small|little|great|long|high|main|next|last|first|second|third|other|"
    r"best|\w+est|red|green|blue|yellow|black|white|brown|grey"
)
_SUBJECT = re.compile(
    rf"\b(?:the|a|an|his|her|their|its)\s+(?P<noun>(?:(?:{_ADJECTIVES})\s+)*[\w'-]+)",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(he|she|him|her|his|hers)\b", re.IGNORECASE)
_THING = re.compile(r"\b(it|its|they|them|their|that one|this one)\b", re.IGNORECASE)
_POSSESSIVE = frozenset({"his", "hers", "its", "their"})
_QUESTION_STARTS = re.compile(rf"^(?:{_WH}|{_VERBS})\b", re.IGNORECASE)


def stands_alone(line: str) -> bool:
    """Whether a line is a question that refers to nothing before it."""
    bare = line.strip()
    return not (
        _AND.match(bare)
        or _ONLY_WH.match(bare)
        or re.match(r"^(?:what|how) about\b", bare, re.IGNORECASE)
        or _PERSON.search(bare)
        or _THING.search(bare)
    )


def standing_alone(line: str, *, question: str, answer: str) -> str:
    """A follow-up as a question that can be understood without the one before.

    Args:
        question: what was asked before, itself standing alone.
        answer: what was answered, in the film's words.
    """
    bare = _AND.sub("", line.strip()) or line.strip()
    only = _ONLY_WH.match(bare)
    if only:
        return _with_wh(question, only[1])
    about = _ABOUT.match(line.strip())
    if about and not _QUESTION_STARTS.match(about["what"]):
        return _about(question, about["what"])
    return _capital(_resolved(bare, question=question, answer=answer))


def _with_wh(question: str, wh: str) -> str:
    """The question with another question word at its head."""
    if _LEADING_WH.match(question):
        return _LEADING_WH.sub(wh.capitalize(), question, count=1)
    return f"{wh.capitalize()} {question[0].lower()}{question[1:]}"


def _about(question: str, what: str) -> str:
    """The question with another thing or name in its subject's place."""
    what = what.strip()
    name = _last_name(question)
    if name and tokens(what)[-1].is_name:
        return question.replace(name, what)
    found = _SUBJECT.search(question)
    if found is None:
        return question.replace(name, what) if name else f"{question.rstrip('?')} {what}?"
    has_article = what.split()[0].lower() in ("the", "a", "an", "his", "her", "their")
    start = found.start() if has_article else found.start("noun")
    return f"{question[:start]}{what}{question[found.end() :]}"


def _resolved(line: str, *, question: str, answer: str) -> str:
    """Pronouns replaced by what was spoken of: a name for "she", the subject for "it"."""
    name = _last_name(question) or _person(answer)
    subject = _SUBJECT.search(question)
    thing = f"the {subject['noun']}" if subject else name
    line = _replaced(_PERSON, line, name or thing)
    return _replaced(_THING, line, thing)


def _replaced(pattern: re.Pattern[str], line: str, what: str) -> str:
    """The first pronoun gives way to what it stands for; a possessive keeps its s."""
    match = pattern.search(line)
    if not match or not what:
        return line
    follows = line[match.end() :].lstrip()
    is_owner = match[0].lower() in _POSSESSIVE
    is_owner |= match[0].lower() == "her" and bool(re.match(r"[\w']", follows))
    return f"{line[: match.start()]}{what}{chr(39) + 's' if is_owner else ''}{line[match.end() :]}"


def _last_name(text: str) -> str:
    """The last run of names in a text that is not its first word."""
    runs: list[list[Token]] = [[]]
    for token in tokens(text):
        if token.is_name and not token.is_first:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    named = [run for run in runs if run]
    return " ".join(token.text for token in named[-1]) if named else ""


def _person(text: str) -> str:
    """The first name in a text that does not stand behind a word of place; else the last."""
    found = re.search(
        r"(?<!\bin )(?<!\bat )(?<!\bfrom )(?<!\bof )(?<!^)\b[A-Z]\w+(?: [A-Z]\w+)*", text
    )
    return found[0] if found else _last_name(text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
