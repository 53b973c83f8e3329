"""A schema registry with Confluent's API (Confluent, Apicurio, Karapace, Redpanda), asked only when there is need.

The only file that imports aiohttp. Only a registry's own "no such schema" counts as no; everything else that is no
answer (silence, a refused login, a proxy's page) is RegistryAwayError, because a record must not be lost over it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import aiohttp

from ..models.errors import ConfigError, TriptychError, WireError
from ..models.text import clean
from ..models.wire import Codec
from .stage import AwayError

__all__ = ["RegisteredSchemas", "Registry", "RegistryAwayError", "RegistryConfig", "RegistryRefusedError"]

_ABSENT = frozenset({40401, 40402, 40403})  # no subject, no version, no schema
_REFUSED = frozenset({409, 422})  # incompatible, invalid


class RegistryAwayError(AwayError):
    """The schema registry does not answer as one."""

    code = "J06"


class RegistryRefusedError(TriptychError):
    """The registry does not take a schema, or gives another one back."""

    code = "J07"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryConfig:
    """Where the registry is, with its base path if it has one. Raises ConfigError for an unusable `ca_file`."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout_s: float = 5.0

    def tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise ConfigError(f"{self.ca_file} holds no certificate: {error}", "registry.ssl_ca_file") from error


class Registry:
    """One connection a question: there are as many questions as schemas, not as many as records."""

    def __init__(self, config: RegistryConfig) -> None:
        self._url = config.url.rstrip("/")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if config.username:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(config.username, config.password)
        self._timeout = aiohttp.ClientTimeout(total=config.timeout_s)
        self._tls = config.tls()

    async def schema(self, schema_id: int) -> Any:
        """The schema under an id as JSON has it, or None. What is no Avro schema is an empty one."""
        answer = await self._ask("GET", f"/schemas/ids/{schema_id}")
        if answer is None:
            return None
        try:
            return json.loads(answer["schema"]) if answer.get("schemaType", "AVRO") == "AVRO" else {}
        except (KeyError, TypeError, ValueError, RecursionError):
            return {}

    async def id_of(self, subject: str, schema: Any) -> int | None:
        """The id that `schema` has under `subject`, or None."""
        answer = await self._ask("POST", f"/subjects/{quote(subject, safe='')}", schema)
        return None if answer is None else self._id(answer)

    async def register(self, subject: str, schema: Any) -> int:
        """The id that `schema` has under `subject` from now on. Raises RegistryRefusedError."""
        answer = await self._ask("POST", f"/subjects/{quote(subject, safe='')}/versions", schema)
        return self._id(answer or {})

    def _id(self, answer: Mapping[str, Any]) -> int:
        if not isinstance(answer.get("id"), int):
            raise self._away("gives no id")
        return cast(int, answer["id"])

    async def _ask(self, method: str, path: str, schema: Any = None) -> dict[str, Any] | None:
        """The registry's answer; None where it says that there is no such thing."""
        body = None if schema is None else {"schema": json.dumps(schema), "schemaType": "AVRO"}
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=self._timeout) as session,
                session.request(method, self._url + path, json=body, ssl=self._tls, allow_redirects=False) as response,
            ):
                status, answer = response.status, await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._away(f"does not answer ({type(error).__name__})") from error
        if not isinstance(answer, dict):
            raise self._away(f"answers {status} without an object")
        if status == 200:
            return answer
        if status == 404 and answer.get("error_code") in _ABSENT:
            return None
        if status in _REFUSED:
            raise RegistryRefusedError(f"the registry refuses {path}: {clean(str(answer.get('message', status)))}")
        raise self._away(f"answers {status}")

    def _away(self, what: str) -> RegistryAwayError:
        return RegistryAwayError(
            f"the schema registry at {self._url} {what}", "registry.url and its credentials; is it running?"
        )


class RegisteredSchemas:
    """Teaches a codec the schemas that its manifest does not have.

    An id is asked for once, whoever needs it. What it stands for never changes, so a codec keeps it; an id that cannot
    be learnt is asked for again after `refused_s`, of at most `refused_most` such ids. `now` gives seconds.
    """

    def __init__(
        self, registry: Registry, *, now: Callable[[], float], refused_s: float = 60.0, refused_most: int = 10_000
    ) -> None:
        self._registry = registry
        self._now = now
        self._refused_s = refused_s
        self._refused_most = refused_most
        self._refused: OrderedDict[int, tuple[float, WireError | None]] = OrderedDict()
        self._asking = asyncio.Lock()

    async def teach(self, codec: Codec, ids: Collection[int]) -> Mapping[int, WireError]:
        """Make the codec know `ids`; why not, for those that are no event. An id the registry lacks is left out.

        Raises RegistryAwayError; what was learnt until then stays learnt.
        """
        refused = {}
        async with self._asking:
            for schema_id in ids:
                if not codec.knows(schema_id) and (error := await self._learn(codec, schema_id)) is not None:
                    refused[schema_id] = error
        return refused

    async def _learn(self, codec: Codec, schema_id: int) -> WireError | None:
        until, error = self._refused.get(schema_id, (self._now(), None))
        if self._now() < until:
            return error
        schema = await self._registry.schema(schema_id)
        error = None
        if schema is not None:
            try:
                codec.learn(schema_id, schema)
            except WireError as refusal:
                error = refusal
            else:
                self._refused.pop(schema_id, None)
                return None
        self._remember(schema_id, error)
        return error

    def _remember(self, schema_id: int, error: WireError | None) -> None:
        self._refused[schema_id] = (self._now() + self._refused_s, error)
        self._refused.move_to_end(schema_id)
        if len(self._refused) > self._refused_most:
            self._refused.popitem(last=False)
