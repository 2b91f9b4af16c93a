"""How results leave the program."""
