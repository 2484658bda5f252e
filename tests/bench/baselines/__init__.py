"""The same job without scenelake."""
