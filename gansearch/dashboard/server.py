"""Server of the dashboard: optuna-dashboard on this machine alone, behind a guard.

optuna-dashboard answers any Host header and lets any page delete studies. So a page elsewhere could
reach it through the browser of whoever runs it (DNS rebinding). The guard answers requests that
name this server and nothing but reads it, unless notes may be written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import optuna_dashboard

from gansearch.dashboard.artifacts import TrialArtifacts
from gansearch.errors import GansearchError
from gansearch.storage.run_folder import NOTES, RunFolder
from gansearch.storage.trial_mirror import TrialMirror

HOST = "127.0.0.1"
NOTE = re.compile(r"^/api/studies/\d+(/\d+)?/note$")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; frame-ancestors 'none'"
)
"""Content-Security-Policy: the pages load nothing from elsewhere."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Guard:
    """WSGI middleware that refuses other hosts, other origins, and whatever is not reading."""

    def __init__(self, application: Application, port: int, *, notes: bool) -> None:
        self._application, self._notes = application, notes
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if refusal := self._refusal(environ):
            status, why = refusal
            start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
            return [why.encode()]

        def respond(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [(k, v) for k, v in headers if not k.lower().startswith("access-control-")]
            guard = [("Content-Security-Policy", POLICY), ("X-Content-Type-Options", "nosniff")]
            return start_response(status, kept + guard, *rest)

        return self._application(environ, respond)

    def _refusal(self, environ: dict[str, Any]) -> tuple[str, str] | None:
        """Return status and reason if a request is not answered."""
        host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
        if host not in self._hosts:
            return "403 Forbidden", f"this server is not called {host!r}"
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return "403 Forbidden", f"requests of pages of {origin!r} are not answered"
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method in ("GET", "HEAD") or (self._notes and method == "PUT" and NOTE.match(path)):
            return None
        why = "for reading only" if not self._notes else "for reading and for notes only"
        return "405 Method Not Allowed", f"this dashboard is {why}"


class _Server(ThreadingMixIn, WSGIServer):
    """Server that answers several requests at a time."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """Handler that prints no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def dashboard_server(folder: RunFolder, port: int, *, notes: bool = False) -> WSGIServer:
    """Return a server of the dashboard of a run, to be started by `serve_forever`.

    Args:
        folder: the run folder; a search may be under way.
        port: port on 127.0.0.1; 0 takes a free one.
        notes: keep notes that people write, in `notes.json` in the run folder.

    Raises:
        RunFolderError: if the run has not begun.
        GansearchError: if the port is taken.
    """
    artifacts = TrialArtifacts()
    mirror = TrialMirror(folder, artifacts.list, folder.path / NOTES if notes else None)
    mirror.get_all_studies()  # a run that cannot be read is told now
    application = optuna_dashboard.wsgi(mirror, artifact_store=artifacts)
    try:
        server = _Server((HOST, port), _Silent)
    except OSError as error:
        raise GansearchError(
            f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port"
        ) from None
    server.set_app(Guard(application, server.server_port, notes=notes))
    return server
