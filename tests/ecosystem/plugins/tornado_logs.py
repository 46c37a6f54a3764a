"""A plugin for pytest: what tornado's own test runner does with tornado's logs."""

import logging

logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
