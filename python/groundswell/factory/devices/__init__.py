"""Devices of a factory: imports, groups, deletion."""
