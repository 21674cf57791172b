"""The client's address, and headers."""

from __future__ import annotations

import pytest

from server.asgi import client_address, read_header


@pytest.mark.parametrize(
    ("client", "who"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("unix", 0), "unix"),
        (None, ""),
    ],
)
def test_address(client: tuple[str, int] | None, who: str) -> None:
    assert client_address({"client": client}) == who


def test_header() -> None:
    scope = {"headers": [(b"host", b"a"), (b"host", b"b"), (b"x", b"\xe9")]}
    assert read_header(scope, b"host") == "a"
    assert read_header(scope, b"x") == "é"
    assert read_header(scope, b"y") is None
