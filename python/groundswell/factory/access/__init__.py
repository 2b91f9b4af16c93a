"""Who may use the API of a factory: users and their tokens."""
