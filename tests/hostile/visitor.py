"""A client without a browser: uses Streamlit's WebSocket protocol and can send any state and any file."""

from __future__ import annotations

import http.client
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

HERE = "127.0.0.1"
SECONDS = 120  # timeout for one message from the server; the first script run imports everything


@contextmanager
def visiting(address: str, *, source: str = HERE, **handshake: Any) -> Iterator[Visitor]:
    """A session with the server at `http://127.0.0.1:PORT` that has not requested anything yet.

    source: the client's address, any of 127.0.0.0/8. handshake: arguments of `connect`, such as `origin`.
    """
    stream, caller = address.replace("http", "ws", 1) + "/_stcore/stream", (source, 0)
    options = {"subprotocols": [Subprotocol("streamlit")], "max_size": None, "proxy": None, **handshake}
    with connect(stream, source_address=caller, **options) as socket:
        yield Visitor(socket, address, source)


def asked(
    address: str, path: str, *, method: str = "GET", source: str = HERE, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """The response of a server to one request, and its body. headers: `_` is replaced by `-`."""
    caller = http.client.HTTPConnection(address.removeprefix("http://"), timeout=SECONDS, source_address=(source, 0))
    try:
        caller.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = caller.getresponse()
        return answer, answer.read()
    finally:
        caller.close()


class Visitor:
    """One session. `elements` and `fragments`: received from the server so far; `page_hash`: of the current page."""

    def __init__(self, socket: ClientConnection, address: str, source: str) -> None:
        self.socket, self.address, self.source = socket, address, source
        self.session = ""
        self.elements: list[Element] = []
        self.fragments: set[str] = set()
        self.page_hash = ""

    def send(self, states: Sequence[WidgetState] = (), **where: Any) -> None:
        """Request a script run with these widget states.

        Parameters
        ----------
        states : sequence of WidgetState
            Any values for any widget ids.
        where : str
            Fields of `ClientState`: `page_name`, `page_script_hash`, `query_string`, `fragment_id`.
        """
        message = BackMsg(rerun_script=ClientState(**where))
        message.rerun_script.widget_states.widgets.extend(states)
        self.socket.send(message.SerializeToString())

    def receive(self) -> None:
        """Read until the script run has ended. Raises TimeoutError if the server sends nothing for `SECONDS`."""
        message = ForwardMsg()
        while message.WhichOneof("type") != "script_finished":
            message.ParseFromString(self.socket.recv(timeout=SECONDS, decode=False))
            if message.WhichOneof("type") == "new_session":
                self.page_hash = message.new_session.page_script_hash
                self.session = message.new_session.initialize.session_id
            if message.WhichOneof("type") == "delta":
                self._record(message.delta)

    def ask(self, states: Sequence[WidgetState] = (), **where: Any) -> None:
        """Send and receive."""
        self.send(states, **where)
        self.receive()

    def put(self, data: bytes, *, content_length: int | None = None) -> tuple[int, str]:
        """Upload a file, even if the page has no uploader; returns the status of the response and the file's id.

        content_length: a value that differs from the length of the body. The server compares the token in the header
        with the one in the cookie; any client can request one.
        """
        cookie = str(asked(self.address, "/_stcore/health", source=self.source)[0].getheader("set-cookie"))
        pair, file = cookie.split(";")[0], str(uuid.uuid4())
        body = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.mp4"\r\n\r\n' + data + b"\r\n--B--\r\n"
        length = str(content_length or len(body))
        headers = {"X-Xsrftoken": pair.partition("=")[2], "Cookie": pair, "Content-Length": length}
        path, kind = f"/_stcore/upload_file/{self.session}/{file}", "multipart/form-data; boundary=B"
        answer, _ = asked(self.address, path, method="PUT", source=self.source, body=body, Content_Type=kind, **headers)
        return answer.status, file

    def _record(self, delta: Delta) -> None:
        if delta.fragment_id:
            self.fragments.add(delta.fragment_id)
        if delta.WhichOneof("type") == "new_element":
            self.elements.append(delta.new_element)

    def titles(self) -> list[str]:
        """The titles of the pages drawn so far."""
        return [element.heading.body for element in self.elements if element.heading.tag == "h1"]

    def kinds(self) -> set[str]:
        """The types of the elements drawn so far: `button`, `alert`, ..."""
        return {str(element.WhichOneof("type")) for element in self.elements}

    def alerts(self) -> list[str]:
        """The texts of infos, warnings and errors."""
        return [element.alert.body for element in self.elements if element.WhichOneof("type") == "alert"]

    def widget(self, kind: str, key: str) -> str:
        """The id of the widget of this type with the given key. Raises StopIteration if it was not drawn."""
        drawn = (getattr(element, kind) for element in self.elements if element.WhichOneof("type") == kind)
        return next(widget.id for widget in drawn if widget.id.endswith(f"-{key}"))


def together(visitors: Sequence[Visitor], pages: Sequence[str], states: Sequence[WidgetState]) -> None:
    """Send the first message of all visitors at the same time, one page each, then read the responses."""
    barrier = threading.Barrier(len(visitors))

    def visit(visitor: Visitor, page: str) -> None:
        barrier.wait()
        visitor.send(states, page_name=page)

    threads = [threading.Thread(target=visit, args=pair) for pair in zip(visitors, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for visitor in visitors:
        visitor.receive()
