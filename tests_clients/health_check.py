"""Prints the shell program of the health check of a compose file."""

import pathlib
import sys

import yaml

compose = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
print(compose["services"]["cpu"]["healthcheck"]["test"][-1])
