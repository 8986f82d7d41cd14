"""scorekit beside other libraries and beside loops by hand: who is right is timed, in turns."""
