"""What tests are made with: servers to talk to (server.py), peers that talk (peer.py), applications (apps/)."""
