"""TLS records go through OpenSSL directly, or through the ssl module's objects: a test can run both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ferrio import _core


@pytest.fixture(autouse=True, params=["openssl", "ssl"])
def records(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once each way."""
    is_direct = _core.use_openssl(request.param == "openssl")
    assert is_direct == (request.param == "openssl"), (
        "the interpreters of the tests have OpenSSL as a library"
    )
    yield request.param
    _core.use_openssl(True)
