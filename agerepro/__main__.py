"""`python -m agerepro` is the command line."""

from agerepro.cli.main import main

main()
