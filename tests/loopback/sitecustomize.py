"""Python imports this at its start where the folder is on its path: no process of the tests speaks to anybody outside.

Connections and names are checked by an audit hook, which nothing in the process can take away again.
"""

import ipaddress
import os
import sys
from typing import Any

NAMES = ("localhost", "", None)
ASKED = "socket.getaddrinfo", "socket.gethostbyname"  # events whose first argument is a name
SENT = "socket.connect", "socket.sendto", "socket.sendmsg"  # events whose second argument is an address


def loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise where a connection leaves the machine."""
    if event in ASKED:
        _check(arguments[0], event)
    elif event in SENT and isinstance(arguments[1], tuple):  # the addresses of local sockets are no tuples
        _check(arguments[1][0], event)


def _check(host: Any, event: str) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in NAMES:
        return
    try:
        inside = ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        inside = False
    if not inside:
        _note(f"{event} {name!r}")
        raise PermissionError(f"{event} {name!r}: the tests speak to this machine only")


def _note(what: str) -> None:
    """Write it into the file that LOOPBACK_LOG names, for whoever catches the error says nothing of it."""
    if "LOOPBACK_LOG" in os.environ:
        with open(os.environ["LOOPBACK_LOG"], "a") as log:  # noqa: PTH123 - pathlib would be imported by every Python
            log.write(f"{what}\n")


sys.addaudithook(loopback_only)
