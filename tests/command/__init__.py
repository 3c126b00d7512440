"""The package freastal: options, loading, listening, the command, the supervisor."""
