"""Apparent personality from short videos."""

import os

__version__ = "0.1.0"

# The runtime of the age and gender network tells Microsoft of its use, from native code, unless it is told not to
# before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
