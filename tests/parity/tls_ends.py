import asyncio
import socket
import ssl
import threading

import ferrio
from support.certificates import contexts


def serve_once(listener, context, play):
    """A server of the ssl module, in a thread."""

    def run():
        sock, _ = listener.accept()
        with context.wrap_socket(sock, server_side=True) as stream:
            try:
                play(stream)
            except (ssl.SSLError, OSError) as error:
                # With TLS 1.3 the far end may see the connection reset first.
                pass

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def with_close_notify(stream):
    stream.sendall(b"good bye")
    stream.unwrap()


def without_close_notify(stream):
    stream.sendall(b"no good bye")
    stream.shutdown(socket.SHUT_RDWR)


def data_after_our_shutdown(stream):
    print("server got", stream.recv(100), stream.recv(100))
    stream.sendall(b"too late")


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    for play in (with_close_notify, without_close_notify, data_after_our_shutdown):
        listener = socket.create_server(("127.0.0.1", 0))
        thread = serve_once(listener, server_context, play)
        log = []
        lost = loop.create_future()

        class Client(asyncio.Protocol):
            def data_received(self, data):
                log.append(data)

            def eof_received(self):
                log.append("eof")

            def connection_lost(self, error):
                lost.set_result(error)

        transport, _ = await loop.create_connection(
            Client,
            *listener.getsockname(),
            ssl=client_context,
            server_hostname="localhost",
            ssl_shutdown_timeout=0.2,
        )
        print(play.__name__, transport.can_write_eof())
        if play is data_after_our_shutdown:
            transport.write(b"last words")
            transport.close()
            transport.write(b"ignored")
        error = await lost
        # Whether the reset of the other side is seen depends on the kernel's timing.
        print(log, error if play is not data_after_our_shutdown else "", transport.is_closing())
        await asyncio.to_thread(thread.join)
        listener.close()
    try:
        transport.write_eof()
    except NotImplementedError:
        print("no half-close over TLS")


ferrio.run(main())
