"""What a client sends and gets, a file for each kind of call."""
