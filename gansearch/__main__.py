"""`python -m gansearch` is `gansearch`."""

from gansearch.cli import main

main()
