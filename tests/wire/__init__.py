"""Conversations on real sockets: what a peer sends byte for byte, and what it hears."""
