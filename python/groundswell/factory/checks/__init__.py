"""Independent proofs that a factory is sound."""
