"""The dashboard's own style sheet, which its HTML page carries, so that it applies from the first moment."""

from __future__ import annotations

from server.asgi import ASGIApp, Message, Receive, Scope, Send, read_header

# Streamlit writes in white on the primary colour, which has a contrast of 2.3:1 in the dark theme, and in the primary
# colour on the sidebar, which has less than 4.5:1 in the light theme. `st.html` would apply only after a script run.
STYLE_SHEET = b"""<style>
[data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] *,
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] * {
 color: light-dark(#FFFFFF, #12181F) !important }
[data-testid="stSidebar"] [data-variant="segmented_control"][data-selected] * {
 color: light-dark(#12181F, #FFFFFF) !important }
</style>"""


class PageStyleMiddleware:
    """Adds the style sheet to the head of HTML pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in (read_header(scope, b"accept") or ""):
            return await self.app(scope, receive, send)
        start: Message | None = None

        async def send_with_style(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message  # held until the length of the page is known
                return
            if start:
                message, added = add_style_sheet(message)
                await send({**start, "headers": lengthen(start["headers"], added)})
                start = None
            await send(message)

        # Streamlit would compress the page, which could then not be changed.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        return await self.app({**scope, "headers": headers}, receive, send_with_style)


def add_style_sheet(body: Message) -> tuple[Message, int]:
    """Return the body of a page with the style sheet, and the bytes added; other bodies are returned unchanged."""
    page = body.get("body", b"")
    styled = page.replace(b"</head>", STYLE_SHEET + b"</head>", 1)
    return {**body, "body": styled}, len(styled) - len(page)


def lengthen(headers: list[tuple[bytes, bytes]], added: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response whose body became longer by `added` bytes."""
    return [(name, b"%d" % (int(value) + added) if name == b"content-length" else value) for name, value in headers]
