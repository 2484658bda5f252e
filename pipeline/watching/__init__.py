"""A run as people see it: progress, reports, metrics."""
