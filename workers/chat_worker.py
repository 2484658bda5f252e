"""What all workers have in common that put their work to a language model."""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.workers.chat import ChatError, ChatModel, Prompt, Saying, Usage


class ChatWorker:
    """Loads a `ChatModel`, asks it, counts what that costs, and hangs up."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._usage = Usage()

    @property
    def model(self) -> str:
        return self._chat.model

    @property
    def weights(self) -> tuple[str, ...]:
        return self._chat.weights

    @property
    def sees(self) -> bool:
        """Whether the model takes pictures."""
        return self._chat.sees

    def setup(self) -> None:
        """Load the model, or make sure that its server is there."""
        self._chat.setup()

    def take_usage(self) -> Usage:
        """What replies have cost since this was last asked."""
        taken, self._usage = self._usage, Usage()
        return taken

    def close(self) -> None:
        """Hang up, where the model is a server's."""
        close = getattr(self._chat, "close", None)
        if close is not None:
            close()

    def _say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """A reply or an error for each prompt, in their order.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        replies = self._chat.say(prompts)
        if len(replies) != len(prompts):
            raise RuntimeError(f"{self.model}: {len(replies)} replies to {len(prompts)} prompts")
        for reply in replies:
            self._usage += reply.usage
        return replies
