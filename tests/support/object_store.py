"""An object store for tests: as much of the S3 protocol as clients need, on the loopback interface.

moto would be a whole one, but needs botocore, whose python-dateutil below 3 excludes the one that
gansearch is tested with. Signatures are not checked.
"""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest


class ObjectStore:
    """Buckets of objects, all in memory."""

    def __init__(self):
        self.objects = {}
        """Content by bucket/key."""
        self.uploads = {}
        """Parts by upload."""
        self.refuses = lambda method, path: False
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (Handler,), {"store": self})
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path="bucket/studies"):
        address = f"127.0.0.1:{self._server.server_port}"
        return f"s3://{path}?scheme=http&region=us-east-1&endpoint_override={address}"

    def files(self):
        """Return the paths of all objects that are not folder markers."""
        return {path for path in self.objects if not path.endswith("/")}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self):
        url = urlsplit(self.path)
        path, query = (
            unquote(url.path).strip("/") + "/" * url.path.endswith("/"),
            parse_qs(url.query, True),
        )
        body = self.body()
        if self.store.refuses(self.command, path):
            return self.answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
        return self.answer(*self.act(path, query, body))

    def act(self, path, query, body):
        objects, uploads = self.store.objects, self.store.uploads
        match self.command:
            case "HEAD":
                there = path.strip("/") == "bucket" or path in objects
                return (200, objects.get(path, b"")) if there else (404, b"")
            case "GET" if "list-type" in query:
                return 200, self.listing(path.rstrip("/"), query)
            case "GET":
                return (206, objects[path][self.range()]) if path in objects else (404, b"")
            case "POST" if "uploads" in query:
                upload = str(len(uploads))
                uploads[upload] = {}
                return (
                    200,
                    f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>",
                )
            case "POST" if "uploadId" in query:
                parts = uploads.pop(query["uploadId"][0])
                objects[path] = b"".join(parts[number] for number in sorted(parts))
                return (
                    200,
                    "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
                )
            case "POST" if "delete" in query:
                for key in ElementTree.fromstring(body).iter():
                    if key.tag.endswith("Key"):
                        objects.pop(f"{path.rstrip('/')}/{key.text}", None)
                return 200, "<DeleteResult/>"
            case "PUT" if "uploadId" in query:
                uploads[query["uploadId"][0]][int(query["partNumber"][0])] = body
            case "PUT":
                objects[path] = body
            case "DELETE":
                objects.pop(path, None)
                return 204, b""
        return 200, b""

    def listing(self, bucket, query):
        prefix, delimiter = (query.get(name, [""])[0] for name in ("prefix", "delimiter"))
        keys = sorted(
            path.partition("/")[2]
            for path in self.store.objects
            if path.startswith(f"{bucket}/{prefix}")
        )
        found, folders = [], set()
        for key in keys:
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if cut:
                folders.add(prefix + head + delimiter)
            else:
                size = len(self.store.objects[f"{bucket}/{key}"])
                found.append(f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size></Contents>")
        found += [
            f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
            for folder in sorted(folders)
        ]
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(found)}</ListBucketResult>"
        )

    def range(self):
        first, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")
        return slice(int(first), int(last) + 1 if last else None)

    def body(self):
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        content = (
            whole(self.rfile)
            if chunked
            else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        )
        return (
            whole(io.BytesIO(content))
            if "aws-chunked" in self.headers.get("Content-Encoding", "")
            else content
        )

    def answer(self, status, content):
        content = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


def whole(chunked):
    """Read a body sent in chunks, without its trailers such as checksums."""
    content = b""
    while size := int(chunked.readline().partition(b";")[0], 16):
        content += chunked.read(size)
        chunked.readline()
    while chunked.readline().strip():
        pass
    return content


@pytest.fixture
def object_store(monkeypatch):
    """An object store with a bucket, and credentials in the environment that it takes."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "open-sesame")
    store = ObjectStore()
    yield store
    store.close()
