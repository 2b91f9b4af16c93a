"""The HTTP API of a factory, which the unmodified fioctl drives: a thin layer over `groundswell.factory`.

The paths and bodies are those of wire.md; what they mean is decided by the factory.
"""
