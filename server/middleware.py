"""The order in which a request passes."""

from __future__ import annotations

from starlette.middleware import Middleware

from personality.utils.public_mode import is_public
from server.connection_limits import Crowd
from server.hosts import Hosts
from server.response_headers import Answers
from server.sessions import Sessions
from server.uploads import Uploads


def doors() -> list[Middleware]:
    """What stands before the app, the outermost first."""
    strangers = [Middleware(Crowd), Middleware(Uploads)] if is_public() else []
    return [Middleware(Answers), Middleware(Hosts), *strangers, Middleware(Sessions)]
