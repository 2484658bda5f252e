"""The commands of `scenelake`, one file each; cli.py puts them together."""
