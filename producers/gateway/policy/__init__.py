"""What an operator may forbid, decided on both readings of a message."""
