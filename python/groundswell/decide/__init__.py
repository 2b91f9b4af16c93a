"""Decides how far a wave goes: simulates strategies."""
