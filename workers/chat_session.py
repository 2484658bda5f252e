"""The session through which Ray Data's HTTP stage posts chat completions.

In Ray 2.60 that stage posts a batch's requests one after the other, does not try again after
a 500, and gives the whole run up at the first body that is not JSON, or when its attempts are
used up. It lets us bring the session (`session_factory`): ours posts side by side, is as
patient as engine "server" is, and always answers, with words or with why there are none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import UsageError
from scenelake.workers.chat import ChatError
from scenelake.workers.chat_json import Raw
from scenelake.workers.chat_server import ServerChat

REPLY = "reply"

Reply = Raw | ChatError | UsageError
"""What comes of a prompt: words, no words, or why no prompt will ever get any."""


class Sessions:
    """Makes a session for each batch; all of a process share one client.

    Travels to workers, where the client is made, with the key of their environment.
    """

    def __init__(self, config: ChatConfig) -> None:
        self._config = config
        self._server: ServerChat | None = None

    def __call__(self) -> Session:
        """As the stage calls `aiohttp.ClientSession`."""
        if self._server is None:
            self._server = ServerChat(self._config)
            self._server.setup()
        return Session(self._server)

    def __getstate__(self) -> dict[str, Any]:
        return {"_config": self._config, "_server": None}


class Session:
    """As much of `aiohttp.ClientSession` as the stage uses."""

    def __init__(self, server: ServerChat) -> None:
        self._server = server

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The client stays, for the next batch."""

    def post(self, _url: str, *, headers: Mapping[str, str], data: str) -> asyncio.Task[Answer]:
        """Send a request at once; its answer is to be awaited."""
        return asyncio.get_running_loop().create_task(self._post(json.loads(data)))

    async def _post(self, body: Mapping[str, Any]) -> Answer:
        reply: Reply
        try:
            reply = await asyncio.wrap_future(self._server.begin(body))
        except UsageError as error:
            reply = error
        return Answer(reply)


class Answer:
    """As much of `aiohttp.ClientResponse` as the stage uses."""

    status = 200
    reason = "OK"

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to let go of."""

    async def json(self) -> dict[str, Any]:
        """What becomes the column ``http_response``."""
        return {REPLY: self._reply}
