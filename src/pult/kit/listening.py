"""Listening sockets for several processes on one address: a socket each, and connections dealt out in turn.

Where processes share one socket, whichever wakes first accepts all that wait: with eight connections opened at once, one of two
processes was seen to get all eight. So each has its own (SO_REUSEPORT), and a small filter in the kernel deals. The parent keeps
all sockets open: what waits for a process that died is there for the next one.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG: Final = 2048
SO_ATTACH_REUSEPORT_CBPF: Final = 51  # Linux; the socket module has no name for it

# Classic BPF, linux/bpf_common.h: what the filter is made of.
LOAD_BYTE, LOAD_HALF, SHIFT_RIGHT, MODULO, JUMP, JUMP_EQUAL, RETURN = 0x30, 0x28, 0x74, 0x94, 0x05, 0x15, 0x06
NETWORK_HEADER: Final = 2**32 - 0x100000  # SKF_NET_OFF: offsets count from here

DEALT: Final = sys.platform == "linux"


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` listening sockets on one address (port 0: one that is free); OSError when it is taken.

    Where the system cannot deal out connections, it is the same socket `count` times.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not DEALT:
        return [_listening(family, host, port, shared=False)] * count
    if port:  # SO_REUSEPORT would let a second desk of the same user in; a socket without it finds out
        with _bound(family, host, port, shared=False):
            pass
    sockets = [_listening(family, host, port, shared=True)]
    try:
        port = sockets[0].getsockname()[1]
        while len(sockets) < count:
            sockets.append(_listening(family, host, port, shared=True))
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def deal(sockets: Sequence[socket.socket], to: Sequence[int]) -> None:
    """Give new connections to the sockets at the places `to`, in turn; to all where there are none.

    By the sender's port: a system gives its connections to one address every second port in turn, so that those of one
    client or proxy go round, and those of many clients mix. Without the filter (an old kernel) the kernel's own hash decides.
    """
    if not DEALT or len(sockets) < 2:
        return
    places = list(to) or list(range(len(sockets)))
    steps = [
        _step(LOAD_BYTE, NETWORK_HEADER),
        _step(SHIFT_RIGHT, 4),
        _step(JUMP_EQUAL, 6, yes=2),  # IP's version
        _step(LOAD_HALF, NETWORK_HEADER + 20),
        _step(JUMP, 1),
        _step(LOAD_HALF, NETWORK_HEADER + 40),
        _step(SHIFT_RIGHT, 1),
        _step(MODULO, len(places)),
    ]
    for turn, place in enumerate(places):
        steps += [_step(JUMP_EQUAL, turn, no=1), _step(RETURN, place)]
    program = ctypes.create_string_buffer(b"".join([*steps, _step(RETURN, places[0])]))
    with contextlib.suppress(OSError):
        length = len(steps) + 1
        sockets[0].setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("@HP", length, ctypes.addressof(program))
        )


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One instruction; `yes` and `no`: how many to leap over."""
    return struct.pack("=HBBI", code, yes, no, value)


def _bound(family: socket.AddressFamily, host: str, port: int, *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made


def _listening(family: socket.AddressFamily, host: str, port: int, *, shared: bool) -> socket.socket:
    made = _bound(family, host, port, shared=shared)
    made.listen(BACKLOG)
    return made
