"""Independent oracles, stated from domain.md: plain sets; nothing of ours is imported."""
