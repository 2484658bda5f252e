"""Metrics, of which there are none."""


class RayPrometheusStatLogger:
    """Logs nothing."""
