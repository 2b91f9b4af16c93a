"""The audit log: every transaction, durable before the store is touched."""
