"""TLS contexts: a server with a certificate for a name, and a client that trusts it."""

import ssl

import trustme


def contexts(name="localhost"):
    """Return the contexts of a server and of its client."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
