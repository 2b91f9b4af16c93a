"""Reads a fleet from any source: detects the format, reads the rows, converts and checks the cells. All or nothing."""
