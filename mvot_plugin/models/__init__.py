"""The networks, each in a file that reads from top to bottom, and their parts."""
