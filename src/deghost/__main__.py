"""Run the command line: `python -m deghost`."""

from deghost.cli.main import main


main()
