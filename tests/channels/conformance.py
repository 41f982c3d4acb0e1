"""What every adapter must do, asked of each: subclass `Conformance` in the adapter's own test module.

    class TestPact(Conformance):
        @pytest.fixture
        async def bench(self): ... yield Bench(...)

The ledger's side is the real rule: what a SendError says decides whether the message is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from fakes.strict import Fault, StrictFake

from pult.messaging.contract import Cap, FileOut, Hook, Outgoing, Receipt, Recipient, SendError, State, Template

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


@dataclass
class Ledger:
    """What the desk remembers of one message between attempts."""

    done: dict[str, str] = field(default_factory=dict)
    conversation: str | None = None
    began: int = 0

    async def begin(self) -> None:
        self.began += 1

    async def sent(self, part: str, message_id: str = "") -> None:
        assert part not in self.done
        self.done[part] = message_id

    async def talking_to(self, conversation: str) -> None:
        self.conversation = conversation


@dataclass
class Bench:
    """An adapter with its fake. `adapter()` makes it anew, as a restarted process would. `to` is somebody reachable.

    `unsure`: the faults after which nobody may send again. `hook`: a genuine status or message call of the provider
    (headers and body), None where the provider does not call; `unsigned`: whether it is signed at all.
    """

    fake: StrictFake
    adapter: Callable[[], Any]
    to: Recipient
    hook: Hook | None = None
    signed: bool = True
    template: Template | None = None


def file(name: str = "photo.png", mime: str = "image/png", content: bytes = b"\x89PNG\r\n\x1a\n0123") -> FileOut:
    async def read() -> AsyncIterator[bytes]:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return chunks()

    return FileOut(name, mime, len(content), read, f"https://desk.example/files/{name}")


def message(bench: Bench, **changes: Any) -> Outgoing:
    return replace(Outgoing(own_id="d-1-17", to=bench.to, text="Hello, Dana"), **changes)


class Conformance:
    """Inherited by each adapter's tests."""

    async def send(self, bench: Bench, ledger: Ledger, outgoing: Outgoing) -> Receipt:
        if ledger.conversation:
            outgoing = replace(outgoing, to=replace(outgoing.to, conversation=ledger.conversation))
        return await bench.adapter().send(outgoing, ledger)

    async def test_a_text_is_sent_once(self, bench: Bench):
        ledger = Ledger()
        receipt = await self.send(bench, ledger, message(bench))
        assert len(bench.fake.accepted) == 1
        assert receipt.state in {State.QUEUED, State.SENT, State.DELIVERED}
        assert ledger.began >= 1
        assert set(ledger.done) == {"text"}

    async def test_nothing_is_sent_again_that_was_sent(self, bench: Bench):
        ledger = Ledger()
        await self.send(bench, ledger, message(bench))
        await self.send(bench, ledger, message(bench))
        assert len(bench.fake.accepted) == 1

    async def test_a_refused_connection_is_tried_again(self, bench: Bench):
        await bench.fake.stop()
        with pytest.raises(SendError) as error:
            await self.send(bench, ledger := Ledger(), message(bench))
        assert error.value.retry
        assert not error.value.maybe_sent
        await bench.fake.start()
        await self.send(bench, ledger, message(bench))
        assert len(bench.fake.accepted) == 1

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_fault_never_sends_twice(self, bench: Bench, fault: Fault):
        bench.fake.faults.append(fault)
        ledger = Ledger()
        with pytest.raises(SendError) as error:
            await self.send(bench, ledger, message(bench))
        assert not (error.value.retry and error.value.maybe_sent)
        self.judge(bench, fault, error.value)
        if error.value.retry:
            await self.send(bench, ledger, message(bench))
            assert len({str(sent) for sent in bench.fake.accepted}) == len(bench.fake.accepted) == 1
        else:
            assert len(bench.fake.accepted) <= 1

    def judge(self, bench: Bench, fault: Fault, error: SendError) -> None:
        """Ruling 9: what is certainly not sent is tried again; what nobody knows only where repeats are recognised."""
        again = bench.adapter().idempotent
        if fault in {Fault.TOO_MANY, Fault.TOO_MANY_WAIT, Fault.UNAVAILABLE}:
            assert error.retry
        elif fault is Fault.UNAUTHORISED:
            assert not error.retry
            assert not error.maybe_sent
        else:
            assert error.retry == again
            assert error.maybe_sent == (not again)
        if fault is Fault.TOO_MANY_WAIT:
            assert error.retry_after == 7

    async def test_a_text_with_two_files_goes_on_where_it_stopped(self, bench: Bench):
        if Cap.FILE not in bench.adapter().caps:
            return
        outgoing = message(bench, files=[file("a.png"), file("договор.pdf", "application/pdf", b"%PDF-1.4 ...")])
        ledger = Ledger()
        await self.send(bench, ledger, outgoing)
        whole = len(bench.fake.accepted)
        bench.fake.accepted.clear()
        bench.fake.faults.extend([Fault.UNAVAILABLE])
        ledger = Ledger()
        with pytest.raises(SendError) as error:
            await self.send(bench, ledger, replace(outgoing, own_id="d-1-18"))
        assert error.value.retry
        await self.send(bench, ledger, replace(outgoing, own_id="d-1-18"))
        assert len(bench.fake.accepted) == whole

    async def test_a_template_is_sent(self, bench: Bench):
        if Cap.TEMPLATE not in bench.adapter().caps:
            assert bench.template is None
            return
        await self.send(bench, Ledger(), message(bench, text="", template=bench.template))
        assert len(bench.fake.accepted) == 1

    async def test_a_genuine_call_says_something(self, bench: Bench):
        if bench.hook is None:
            assert Cap.HOOK not in bench.adapter().caps
            return
        reply = await bench.adapter().handle(bench.hook)
        assert reply.status == 200
        assert len(reply.events) >= 1

    async def test_a_call_that_is_not_signed_right_is_refused(self, bench: Bench):
        if bench.hook is None or not bench.signed:
            return
        for headers in self.forged(bench.hook):
            reply = await bench.adapter().handle(replace(bench.hook, headers=headers))
            assert reply.status in {401, 403}
            assert reply.events == ()

    def forged(self, hook: Hook) -> list[Mapping[str, str]]:
        """The genuine headers with each that may be the signature taken away or spoiled."""
        kept = {"content-type", "content-length", "host", "user-agent"}
        found: list[Mapping[str, str]] = [{k: v for k, v in hook.headers.items() if k in kept}]
        found += [
            {**hook.headers, name: f"{value[:-1]}{'0' if value[-1] != '0' else '1'}"}
            for name, value in hook.headers.items()
            if name not in kept
        ]
        return found

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"42",
            b'"text"',
            b"{}",
            b"\xff\xfe",
            b'{"data": 17}',
            b'{"messages": {}}',
            b'{"entry": [null]}',
            b'{"results": [1]}',
            b'{"update_id": "x"}',
            b'{"type": "unknown", "event": "odd"}',
        ],
    )
    async def test_a_call_that_is_no_sense_changes_nothing(self, bench: Bench, body: bytes):
        if bench.hook is None:
            return
        reply = await bench.adapter().handle(replace(bench.hook, body=body))
        assert reply.status in {200, 400, 401, 403}
        assert reply.events == ()
