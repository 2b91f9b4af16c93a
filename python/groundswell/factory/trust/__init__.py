"""Trust of a factory: roots, keys, targets, publications."""
