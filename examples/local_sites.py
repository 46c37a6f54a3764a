"""Local HTTP and HTTPS servers for examples, each in a process of its own.

Certificates are made at run time. `with serve(sites) as urls:` starts one server for each site and stops
them all at the end.
"""

import contextlib
import multiprocessing
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

# Seconds in which a server's process has to say that it listens.
START_TIMEOUT = 30.0


@dataclass(frozen=True)
class Site:
    """What a server does with every request."""

    name: str
    status: int = 200
    delay: float = 0.0  # seconds
    tls: bool = False
    trusted: bool = True
    garbage: bool = False


def _answer(client: socket.socket, site: Site) -> None:
    client.settimeout(10)
    with contextlib.suppress(OSError), client:
        request = b""
        while b"\r\n\r\n" not in request:
            received = client.recv(4096)
            if not received:
                return
            request += received
        time.sleep(site.delay)
        if site.garbage:
            client.sendall(b"\x00\xffnot http at all\r\n\r\n")
            return
        phrase = HTTPStatus(site.status).phrase
        body = f"<h1>{site.name}</h1>\n".encode()
        head = f"HTTP/1.1 {site.status} {phrase}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode() + body)


def _serve(site: Site, certificate: str | None, started: Connection) -> None:
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started.send(listener.getsockname()[1])
        while True:
            client, _ = listener.accept()
            if context is not None:
                try:
                    client = context.wrap_socket(client, server_side=True)
                except OSError:
                    client.close()
                    continue
            _answer(client, site)


@contextlib.contextmanager
def serve(sites: list[Site]) -> Iterator[tuple[list[str], str]]:
    """Serve the sites. Gives their URLs and the file of the certificate authority to trust."""
    trusted, other = trustme.CA(), trustme.CA()
    spawn = multiprocessing.get_context("spawn")
    processes = []
    with TemporaryDirectory() as folder:
        authority = Path(folder) / "authority.pem"
        trusted.cert_pem.write_to_path(str(authority))
        urls = []
        try:
            for number, site in enumerate(sites):
                certificate = None
                if site.tls:
                    certificate = str(Path(folder) / f"{number}.pem")
                    issuer = trusted if site.trusted else other
                    issuer.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
                        certificate
                    )
                ours, theirs = spawn.Pipe()
                process = spawn.Process(target=_serve, args=(site, certificate, theirs), daemon=True)
                process.start()
                processes.append(process)
                if not ours.poll(START_TIMEOUT):
                    raise RuntimeError(f"the server of {site.name!r} has not started")
                scheme = "https" if site.tls else "http"
                urls.append(f"{scheme}://localhost:{ours.recv()}/{site.name}")
            yield urls, str(authority)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()
