"""Running the server: what is refused at the door, what is logged and counted, how errors read."""
