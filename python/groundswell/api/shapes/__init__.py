"""The values of the factory in the shapes that fioctl reads (wire.md section 2)."""
