"""Which questions ask about films as a whole, and so go over all their scenes. English."""

from __future__ import annotations

import re

_IT = r"(?:it|this|that|the|these|those|all)"
_FILM = (
    r"(?:films?|videos?|movies?|clips?|recordings?|talks?|lectures?|programmes?|programs?|"
    r"documentar(?:y|ies)|episodes?|footage|interviews?|broadcasts?|stor(?:y|ies))"
)
_THE_FILM = rf"(?:{_IT} )?(?:whole |entire |full )?{_FILM}"
_WHOLE = re.compile(
    rf"what(?:'s| is| are| was)? (?:{_IT}|{_THE_FILM}) (?:all )?about\b"
    rf"|what (?:does|do|did) {_THE_FILM} (?:deal with|cover|discuss|tell(?: us)?|show)\W*$"
    rf"|\b(?:summari[sz]e|sum up|outline)\b"
    rf"|\b(?:summary|synopsis|overview|outline|gist|plot)\b"
    rf"|\bmain (?:topics?|subjects?|themes?|points?|ideas?|messages?|focus)\b"
    rf"|what (?:topics?|subjects?|themes?) (?:is|are|does|do)\b"
    rf"|what (?:happens|is going on|goes on) (?:in|during) {_THE_FILM}\W*$"
    rf"|^what happens\W*$"
    rf"|\bhow many (?:different )?(?:people|persons|speakers|voices|men|women) "
    rf"(?:speak|talk|are speaking|are there|can be heard)\b"
    rf"|(?:where|(?:which|what) (?:city|town|village|country|place)) .*\b{_FILM}\b.*"
    rf"\b(?:plays?|played|set|made|shot|filmed|from|happens?|takes? place)\b"
    rf"|describe {_THE_FILM}\W*$",
    re.IGNORECASE,
)


def asks_about_whole(question: str) -> bool:
    """Whether no few scenes can answer it: "what is it about", "summarise the film"."""
    return bool(_WHOLE.search(" ".join(question.split())))
