"""Separate implementations of the rules of domain.md, in plain sets, independent of the package."""
