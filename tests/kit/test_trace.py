"""Spans reach a collector over OTLP/HTTP; without an address they are nothing and cost nothing."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pult.kit import trace

SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"


@pytest.fixture
def collector():
    """(address, the requests received)"""
    received = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    trace.shutdown()


def spans(received):
    resources = [part for _, body in received for part in ExportTraceServiceRequest.FromString(body).resource_spans]
    return {span.name: span for part in resources for scope in part.scope_spans for span in scope.spans}


def test_spans_arrive_nested_and_without_secrets(collector):
    url, received = collector
    trace.configure(url)
    with (
        trace.span("request", method="ticket", api_token=SECRET, url=f"/ticket?api_token={SECRET}", absent=None),
        trace.span("sql", rows=3),
    ):
        pass
    with pytest.raises(ValueError, match=SECRET), trace.span("failing"):
        raise ValueError(SECRET)
    trace.shutdown()
    found = spans(received)
    assert {path for path, _ in received} == {"/v1/traces"}
    assert set(found) == {"request", "sql", "failing"}
    assert found["sql"].parent_span_id == found["request"].span_id
    attributes = {pair.key: pair.value.string_value for pair in found["request"].attributes}
    assert attributes == {"method": "ticket", "api_token": "***", "url": "/ticket?api_token=***"}
    assert (found["failing"].status.code, found["failing"].status.message) == (2, "ValueError")
    assert not any(SECRET.encode() in body for _, body in received)
    assert b"pult" in received[0][1]


def test_without_an_address_a_span_is_nothing():
    assert trace.span("a") is trace.span("b", method="x")
    with trace.span("a") as nothing:
        assert nothing is None
    best = 1.0
    for _ in range(5):
        start = time.thread_time()
        for _ in range(2000):
            with trace.span("request", method="ticket"):
                pass
        best = min(best, (time.thread_time() - start) / 2000)
    assert best < 10e-6


def test_shutdown_twice_and_again(collector):
    url, received = collector
    trace.shutdown()
    trace.configure(url + "/")
    trace.configure(f"{url}/v1/traces")
    with trace.span("again"):
        pass
    trace.shutdown()
    trace.shutdown()
    assert set(spans(received)) == {"again"}
    assert trace.span("after") is trace.span("after")


def test_a_dead_collector_does_not_hold_the_end_up():
    trace.configure("http://127.0.0.1:9")
    with trace.span("lost"):
        pass
    start = time.monotonic()
    trace.shutdown()
    assert time.monotonic() - start < 20
