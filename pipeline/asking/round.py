"""Some questions answered at once; one that fails fails alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from scenelake.pipeline.asking.asked import Asked
from scenelake.pipeline.asking.one import Asker, Question
from scenelake.schemas.errors import LakeError, SceneLakeError, TransientError, UsageError
from scenelake.workers.engines import Query, Reply

logger = logging.getLogger(__name__)

_BACK_OFF_S = 1.0


def ask_together(asker: Asker, questions: Sequence[Question]) -> list[Asked | Exception]:
    """A reply or an error for each question, in their order.

    Errors:
        UsageError: the configuration does not fit the lake.
        LakeError: the lake cannot be read.
    """
    found: list[Asked | Query | Exception] = [_begun(asker, question) for question in questions]
    replies = iter(_replies(asker, [q for q in found if isinstance(q, Query)]))
    return [_told(asker, next(replies)) if isinstance(q, Query) else q for q in found]


def _begun(asker: Asker, question: Question) -> Asked | Query | Exception:
    """The query for it; of one that is put to each film by itself, the reply."""
    try:
        if asker.is_for_each_film(question):
            return asker.ask(question)
        return asker.query(question)
    except (UsageError, LakeError):
        raise
    except Exception as error:
        return error


def _told(asker: Asker, reply: Reply | Exception) -> Asked | Exception:
    return asker.asked(reply) if isinstance(reply, Reply) else reply


def _replies(asker: Asker, queries: Sequence[Query]) -> list[Reply | Exception]:
    """Replies or errors; where one brings the answerer down, each is tried by itself."""
    try:
        return list(_attempted(asker, queries)) if queries else []
    except (UsageError, LakeError):
        raise
    except Exception as error:
        if len(queries) == 1:
            return [error]
        return [reply for query in queries for reply in _replies(asker, [query])]


def _attempted(asker: Asker, queries: Sequence[Query]) -> Sequence[Reply | SceneLakeError]:
    """What the answerer says; a server that is away is waited for, ever longer."""
    for attempt in range(1, asker.config.limits.attempts):
        try:
            return asker.answerer.answer(queries)
        except TransientError as error:
            logger.warning("attempt %d at %d questions: %s", attempt, len(queries), error)
            time.sleep(_BACK_OFF_S * 2 ** (attempt - 1))
    return asker.answerer.answer(queries)
