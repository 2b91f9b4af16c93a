"""``groundswell waves``."""
