"""The embedded store: one DuckDB file that follows the audit log."""
