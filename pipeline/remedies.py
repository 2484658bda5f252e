"""What to do about each type of failure, in a sentence and a command."""

from __future__ import annotations

import shlex

_SENTENCES = {
    "not_found": "Nothing is at these addresses any more. Bring the files back, or drop them.",
    "permission": "These are there and may not be read. Give this user the right to.",
    "empty": "These hold nothing that moves or sounds. Fetch them again from where they came.",
    "unsupported": "No demuxer or decoder here knows these. Convert them first, with ffmpeg.",
    "corrupt": "These are media, and nothing of them decodes. Fetch them again from the origin.",
    "timeout": "A decoder did not end within its time. Try again on a machine with less to do.",
    "crashed": "A decoder died. Try again; if it dies again, repack the file with ffmpeg -c copy.",
    "out_of_memory": "A decoder wanted more memory than it may have. Try again with more memory "
    "or fewer workers.",
    "lost": "A worker was lost with these in hand. Try again.",
    "transient": "A network or a server stumbled. Try again.",
}

_OTHER = "This was not foreseen: the log has the traceback. Please report it."


def remedy(error_type: str) -> str:
    """A sentence or two for whoever has to mend it."""
    return _SENTENCES.get(error_type, _OTHER)


def retry_command(error_type: str, *, lake: str) -> str:
    """Takes up again the inputs that failed in this way."""
    return f"scenelake run --retry-failed {shlex.quote(error_type)} --lake {shlex.quote(lake)}"
