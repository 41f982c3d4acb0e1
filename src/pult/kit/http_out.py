"""The only way out over HTTP: time limits, size limits, certificates checked, and no address of our own network.

Whatever Pult dials because of configuration or data goes through here, or asks `PrivateNetworks` before it dials by itself.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

ANSWER_LIMIT: Final = 1024 * 1024  # bytes of an answer that is read whole
CONNECT_WITHIN: Final = 10.0  # seconds
ANSWER_WITHIN: Final = 30.0
REDIRECTS: Final = 3
SAME_METHOD: Final = (307, 308)


class HttpOutError(Exception):
    """A request came to nothing; the text says why, without the address's query."""


class NotSent(HttpOutError):
    """The request did not leave: the other side cannot have seen any of it."""


class PrivateAddress(NotSent):
    """The address is one of our own network, and not among those that PULT_ALLOW_PRIVATE names."""


class Cut(HttpOutError):
    """The request left, at least in part, and no whole answer came: the other side may have done what was asked."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`body` is cut at the limit where `whole` is false. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class PrivateNetworks:
    """Which private addresses may be reached: `allowed` is PULT_ALLOW_PRIVATE, networks and host names with commas."""

    def __init__(self, allowed: str = "") -> None:
        parts = [part.strip() for part in allowed.split(",") if part.strip()]
        numbers = [part for part in parts if part[0].isdigit() or ":" in part]
        self._networks = [ip_network(part, strict=False) for part in numbers]
        self._names = {part.lower().rstrip(".") for part in parts if part not in numbers}

    def allows_name(self, host: str) -> bool:
        """Whether the host may be reached by its name, wherever it leads."""
        return host.lower().rstrip(".") in self._names

    def check(self, address: str) -> None:
        """PrivateAddress unless the dialled IP address is public or allowed."""
        ip = ip_address(address.partition("%")[0])
        found: IPv4Address | IPv6Address = getattr(ip, "ipv4_mapped", None) or ip
        if found.is_global and not found.is_multicast:
            return
        if not any(found in network for network in self._networks if network.version == found.version):
            raise PrivateAddress(f"{found} is a private address; PULT_ALLOW_PRIVATE can allow it")

    async def resolve(self, host: str, port: int) -> str:
        """An IP address of the host that may be dialled, for clients that dial by themselves. NotSent, PrivateAddress."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotSent(f"{host}: {error.strerror or error}") from error
        addresses = [str(info[4][0]) for info in found]
        if not self.allows_name(host):
            for address in addresses:
                self.check(address)
        return addresses[0]


class HttpOut:
    """One process's way out. Make it inside the event loop; `close` it at the end.

    Without `keep_alive` each request has a connection of its own: one that the other side is just closing looks like an
    answer that was cut off, and whoever may not ask twice must be able to tell.
    """

    def __init__(
        self, allowed: str = "", *, keep_alive: bool = False, per_host: int = 20, trusted: ssl.SSLContext | None = None
    ) -> None:
        self.networks = PrivateNetworks(allowed)
        self._keep_alive = keep_alive
        self._trusted = trusted or ssl.create_default_context()
        self._guarded = self._session(self._guard, per_host)
        self._open = self._session(_socket, per_host)

    async def close(self) -> None:
        await self._guarded.close()
        await self._open.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Any = None,
        within: float = ANSWER_WITHIN,
        limit: int = ANSWER_LIMIT,
        follow: bool = False,
    ) -> Answered:
        """Ask and read the answer, at most `limit` bytes of it, in at most `within` seconds.

        `data` is what aiohttp takes: bytes, FormData, an async iterator. With `follow` a redirect that keeps method and
        body (307, 308) is followed, each address checked anew; others are answers like any other. NotSent, Cut.
        """
        options = {"headers": headers, "params": params, "data": data, "allow_redirects": False}
        for _ in range(REDIRECTS + 1):
            answer = await self._once(method, url, options, within, limit)
            location = answer.headers.get("location")
            if not follow or answer.status not in SAME_METHOD or not location:
                return answer
            url = str(URL(url).join(URL(location)))
            options["params"] = None
        raise NotSent(f"redirected more than {REDIRECTS} times")

    async def stream(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int) -> AsyncIterator[bytes]:
        """The body of a GET, in pieces. HttpOutError where it is not 200, is longer than `limit` or breaks off."""
        left = limit
        try:
            timeout = aiohttp.ClientTimeout(connect=CONNECT_WITHIN, sock_read=ANSWER_WITHIN)
            session = self._session_for(url)
            async with session.get(url, headers=headers, timeout=timeout, trace_request_ctx=_Gone()) as response:
                if response.status != 200:
                    raise Cut(f"answered {response.status}")
                async for chunk in response.content.iter_chunked(64 * 1024):
                    left -= len(chunk)
                    if left < 0:
                        raise NotSent(f"longer than {limit} bytes")
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _told(error, left=True) from error

    async def _once(self, method: str, url: str, options: Mapping[str, Any], within: float, limit: int) -> Answered:
        gone = _Gone()
        timeout = aiohttp.ClientTimeout(total=within, connect=min(CONNECT_WITHIN, within))
        try:
            session = self._session_for(url)
            async with session.request(method, url, timeout=timeout, trace_request_ctx=gone, **options) as response:
                body, whole = await _read(response, limit)
                if not whole:
                    response.close()
                return Answered(response.status, {k.lower(): v for k, v in response.headers.items()}, body, whole)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _told(error, left=gone.left) from error

    def _session_for(self, url: str) -> aiohttp.ClientSession:
        host = URL(url).host or ""
        return self._open if self.networks.allows_name(host) else self._guarded

    def _session(self, factory: Callable[[Any], socket.socket], per_host: int) -> aiohttp.ClientSession:
        watch = aiohttp.TraceConfig()
        watch.on_request_headers_sent.append(_left)
        connector = aiohttp.TCPConnector(
            socket_factory=factory,
            limit=200,
            limit_per_host=per_host,
            ssl=self._trusted,
            ttl_dns_cache=10,
            force_close=not self._keep_alive,
        )
        return aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            trace_configs=[watch],
            headers={"User-Agent": "Pult"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )

    def _guard(self, info: Any) -> socket.socket:
        """The last moment: what is about to be dialled, however it was spelled and whatever it resolved to."""
        self.networks.check(str(info[4][0]))
        return _socket(info)


@dataclass(slots=True)
class _Gone:
    """Whether anything of a request has left."""

    left: bool = False


async def _left(_session: Any, context: Any, _params: Any) -> None:
    context.trace_request_ctx.left = True


def _socket(info: Any) -> socket.socket:
    family, kind, protocol = info[0], info[1], info[2]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003  # the standard library's signature
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    parts, size = [], 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            return b"".join(parts)[:limit], False
    return b"".join(parts), True


def _told(error: BaseException, *, left: bool) -> HttpOutError:
    """The same in our words. What was not connected did not leave."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, HttpOutError):
            return found
        found = found.__cause__ or (found.os_error if isinstance(found, aiohttp.ClientConnectorError) else None)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return NotSent(f"the certificate is not good: {error.__cause__ or error}"[:300])
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return NotSent(f"cannot connect: {getattr(error, 'os_error', None) or error}"[:300])
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotSent(f"no connection within {CONNECT_WITHIN:.0f} s")
    text = "no answer in time" if isinstance(error, TimeoutError) else f"the connection broke ({type(error).__name__})"
    return Cut(text) if left else NotSent(text)
