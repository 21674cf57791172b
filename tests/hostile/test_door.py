"""The middleware: accepted hosts and origins, headers, and limits for clients without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.connection_limits import NO_PAGE_SLOT_MESSAGE
from server.limits import PUBLIC_SERVER_LIMITS
from tests.browser.server import served
from tests.hostile.test_uploads import measured, server_of
from tests.hostile.visitor import asked, visiting

FOREIGN = "http://example.org"
MEGABYTE = 2**20
MAX_UPLOAD_MEGABYTES = 20  # on a public server
Share = Callable[[int, int], int]
Outcome = Callable[[str, str], None]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public")


@pytest.fixture(scope="module")
def public(work: Path) -> Iterator[str]:
    """A public server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSONALITY_PUBLIC", "1")
        with served(work) as address:
            yield address


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("private")) as address:
        yield address


def refused(address: str, **handshake: Any) -> int:
    """The status code with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught, visiting(address, **handshake):
        pass
    return caught.value.response.status_code


@pytest.mark.parametrize("name", ["example.org", "127.0.0.1.example.org", "localhost@example.org", "192.0.2.1", ""])
def test_other_host_names_are_refused(private: str, name: str) -> None:
    """DNS rebinding: the name of another site that resolves to this machine."""
    assert asked(private, "/", Host=name)[0].status in (400, 403)
    assert refused(private, additional_headers={"Host": name}) in (400, 403)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8501"])
def test_host_names_of_this_machine_are_accepted(private: str, name: str) -> None:
    assert asked(private, "/_stcore/health", Host=name)[0].status == 200


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost", "http://127.0.0.1:1", "http://[", ""])
def test_pages_of_other_sites_cannot_connect(private: str, origin: str) -> None:
    assert asked(private, "/_stcore/health", Origin=origin)[0].status == 403
    assert refused(private, additional_headers={"Origin": origin}) == 403
    with visiting(private, additional_headers={"Origin": private}) as visitor:
        visitor.ask()
        assert visitor.titles()


def test_the_operator_can_allow_more_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "people.example.org")
    with served(tmp_path) as address:
        assert asked(address, "/_stcore/health", Host="people.example.org")[0].status == 200
        assert asked(address, "/_stcore/health", Host="example.org")[0].status == 403


def test_a_foreign_page_does_not_make_the_server_contact_other_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPBACK_LOG", str(tmp_path / "outside"))
    # Our middleware accepts this origin, so that Streamlit's own check is reached.
    monkeypatch.setenv("STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS", FOREIGN)
    with served(tmp_path) as address:
        for _ in range(5):
            with visiting(address, additional_headers={"Origin": FOREIGN}):
                pass
            refused(address, additional_headers={"Origin": "http://example.com"})
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "path", ["/", "/predict", "/_stcore/health", "/media/none.mp4", "/../../etc/passwd", "/favicon.png"]
)
def test_every_response_has_security_headers(private: str, path: str) -> None:
    answer, _ = asked(private, path)
    policy = str(answer.getheader("content-security-policy")).split("; ")
    assert {"frame-ancestors 'none'", "default-src 'self'", "img-src 'self' data: blob:", "object-src 'none'"} <= {
        *policy
    }
    assert answer.getheader("x-content-type-options") == "nosniff"
    assert answer.getheader("referrer-policy") == "no-referrer"
    assert (answer.getheader("cache-control") == "no-store") is path.startswith("/media")


@pytest.mark.parametrize(
    "path", ["metrics", "metrics/", "agent/openapi.json", "agent/interact", "script-health-check", "anything"]
)
def test_operator_endpoints_are_blocked(public: str, path: str) -> None:
    assert asked(public, f"/_stcore/{path}")[0].status == 404
    assert asked(public, f"/_stcore/%6d{path[1:]}")[0].status == 404
    assert asked(public, "/_stcore/host-config")[0].status == 200


def test_uploads_without_an_uploader(public: str, share: Share, outcome: Outcome) -> None:
    """Too large, too many, too large in total."""
    count, pid = share(20, 5), server_of(public)
    with visiting(public) as stranger, visiting(public, source="127.0.0.2") as other:
        stranger.ask()
        other.ask()
        before = measured(pid)[0]
        assert stranger.put(b"", content_length=MAX_UPLOAD_MEGABYTES * MEGABYTE + 2**17)[0] == 413
        answers = []
        for number in range(count):
            stranger.source = f"127.0.1.{number + 1}"  # uploads of one address are slowed
            answers.append(stranger.put(bytes((MAX_UPLOAD_MEGABYTES - 1) * MEGABYTE))[0])
        assert answers == [204, 204] + [429] * (count - 2)
        assert other.put(b"a")[0] == 204  # the limit of one session does not affect another
        assert measured(pid)[0] - before < 100
    with visiting(public) as again:  # the tab was closed, which deleted its uploads
        again.ask()
        assert again.put(bytes((MAX_UPLOAD_MEGABYTES - 1) * MEGABYTE))[0] == 204
    outcome(
        "uploads of 19 MB to a public server without an uploader on the page",
        f"of {count} in one session, 2 are kept, for 30 s",
    )


@pytest.mark.trial
def test_uploads_that_no_page_reads_are_deleted(public: str) -> None:
    with visiting(public) as one:
        one.ask()
        assert one.put(b"a")[0] == one.put(b"b")[0] == 204
        end = time.monotonic() + PUBLIC_SERVER_LIMITS.unclaimed_upload_seconds + 15
        while one.put(b"c")[0] == 429:
            assert time.monotonic() < end
            time.sleep(2)


def test_pages_over_the_limit_are_refused(public: str, outcome: Outcome) -> None:
    stranger, limit = "127.0.0.3", PUBLIC_SERVER_LIMITS.max_pages_per_address
    with ExitStack() as pages:
        for _ in range(limit):
            pages.enter_context(visiting(public, source=stranger))
        assert refused(public, source=stranger) == 503
        answer, body = asked(public, "/", source=stranger, accept="text/html")
        assert answer.status == 503 and body.decode().strip() == NO_PAGE_SLOT_MESSAGE
        assert asked(public, "/", accept="text/html")[0].status == 200  # from another address
    with visiting(public, source=stranger) as back:  # after all pages were closed
        back.ask()
        assert back.titles()
    what = "pages opened from one address on a public server"
    outcome(what, f"{limit} are served, the next is refused; other addresses are served")


MALFORMED = (
    b"\xff\xff\xff",
    "text",
    b"",
    b"\x0a\x05hello",
    bytes(2 * MEGABYTE),
    b"\x0a\xff\xff\xff\xff\x0f" + bytes(99),
)


def test_malformed_messages_are_one_log_line_each(public: str, work: Path, outcome: Outcome) -> None:
    for sent in MALFORMED:
        with visiting(public) as stranger:
            stranger.socket.send(sent)
            with suppress(ConnectionClosed, TimeoutError):
                stranger.socket.recv(timeout=1)
    with visiting(public) as stranger:
        stranger.ask()
        stranger.send(page_script_hash="a\nb", fragment_id="ERROR forged\nline")
        stranger.ask(page_name="\r\nforged", query_string="table=%ff&\n=1")
    log = (work / "server.log").read_text()
    assert "DecodeError" in log
    assert "Traceback" not in log and "\nforged" not in log and "\nline" not in log
    outcome("malformed messages to a public server", f"{len(MALFORMED) + 2}: one line of the log each, no traceback")
