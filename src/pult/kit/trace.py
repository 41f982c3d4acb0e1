"""Traces by OpenTelemetry, where an OTLP address is configured (extra `otel`); otherwise every span is one shared nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pult.kit.log import masked_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

FLUSH_MILLISECONDS = 3000


class _Process:
    provider: TracerProvider | None = None
    tracer: Tracer | None = None


_NOTHING = contextlib.nullcontext()


def configure(url: str, service: str = "pult") -> None:
    """Send spans to the OTLP/HTTP collector at `url`, e.g. http://127.0.0.1:4318, in batches from a thread of its own.

    Call it in the process that makes the spans: the thread does not survive a fork. ImportError without the extra `otel`.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    shutdown()
    endpoint = url.rstrip("/")
    exporter = OTLPSpanExporter(endpoint if endpoint.endswith("/v1/traces") else f"{endpoint}/v1/traces", timeout=3)
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _Process.provider, _Process.tracer = provider, provider.get_tracer("pult")


def span(name: str, **attributes: Any) -> contextlib.AbstractContextManager[None]:
    """A span around a with block, inside the one that is open. Attributes are masked as log fields are."""
    return _NOTHING if _Process.tracer is None else _span(_Process.tracer, name, attributes)


@contextlib.contextmanager
def _span(tracer: Tracer, name: str, attributes: dict[str, Any]) -> Iterator[None]:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

    shown = {key: masked_field(key, value) for key, value in attributes.items() if value is not None}
    # An exception's text may quote what somebody sent, so that only its type is told.
    with tracer.start_as_current_span(
        name, attributes=shown, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def shutdown() -> None:
    """Send what is waiting and stop; a collector that does not answer is given up after a few seconds."""
    if (provider := _Process.provider) is not None:
        _Process.provider = _Process.tracer = None
        provider.force_flush(FLUSH_MILLISECONDS)
        provider.shutdown()
