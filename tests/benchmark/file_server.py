"""A web server for tests of downloads, with faults."""

import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `files`; `log` counts requests; `ranges` keeps the offsets asked for. Faults by path: "cut" (half the
    bytes, once), "wrong" (other bytes), "moved" (redirected), "busy" (503, once), "gone" (404)."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults, self.log, self.ranges = files, {}, Counter(), {}
        self.resumes = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, path = self.server, self.path.strip("/").removeprefix("elsewhere/")
        server.log[path] += 1
        fault = server.faults.get(path)
        if path not in server.files or fault == "gone":
            return self.send_error(404)
        if fault == "busy" and server.log[path] == 1:
            return self.send_error(503)
        if fault == "moved" and not self.path.startswith("/elsewhere/"):
            self.send_response(302)
            self.send_header("Location", f"/elsewhere/{path}")
            return self.end_headers()
        body = server.files[path]
        start = 0
        if server.resumes and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            server.ranges.setdefault(path, []).append(start)
            if start >= len(body):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if fault == "cut" and server.log[path] == 1:
            self.wfile.write(body[start : len(body) // 2])
            self.wfile.flush()
            self.connection.close()
            return None
        self.wfile.write(b"x" * (len(body) - start) if fault == "wrong" else body[start:])
        return None


@contextmanager
def serving(files):
    """A `Server` of path -> content, for as long as the context lasts."""
    server = Server(dict(files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
