"""Independent implementations of the rules of domain.md, in plain sets, without imports from groundswell."""
