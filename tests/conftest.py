"""Quiet logs; nothing that a test's result could depend on."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
