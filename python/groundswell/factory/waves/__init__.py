"""Waves of a factory: from a signed target to the last device."""
