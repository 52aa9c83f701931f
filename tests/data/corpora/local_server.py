"""A web server on this machine, with the habits that real ones have."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass
class Server:
    """What it serves under which path, how it behaves, and what it was asked (path, Range header)."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """``*`` is what it has under every other path."""
    breaks_after: list[int] = field(default_factory=list)
    """The next answers break off after so many bytes of their body."""
    statuses: list[int] = field(default_factory=list)
    """The next answers are these errors."""
    has_ranges: bool = True
    etag: str | None = '"1"'
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.requests.append((self.path, wanted))
            content = server.files.get(self.path.lstrip("/"), server.files.get("*"))
            if server.statuses or content is None:
                self.send_error(server.statuses.pop(0) if server.statuses else 404)
                return
            same = self.headers.get("If-Range") in (None, server.etag)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.has_ranges and same else 0
            if start >= len(content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if server.etag:
                self.send_header("ETag", server.etag)
            self.end_headers()
            body = content[start:]
            if server.breaks_after:
                body = body[: server.breaks_after.pop(0)]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
