"""scorekit beside other libraries and beside loops by hand: who is right is timed, in turns, and written to results.json."""
