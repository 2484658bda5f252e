"""What flows and what is stored: frozen dataclasses, Arrow schemas, configuration, errors."""
