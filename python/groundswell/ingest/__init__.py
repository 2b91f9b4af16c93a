"""A fleet from any source: detected, read, coerced, checked. All of it, or nothing."""
