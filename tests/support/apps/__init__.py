"""Applications that tests serve, by name as a user would: tests.support.apps.basic:app."""
