"""The test suites of well-used packages, on asyncio and on Ferrio: `scripts/ecosystem` runs them."""
