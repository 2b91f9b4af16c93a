"""Shared options and arguments of the commands."""
