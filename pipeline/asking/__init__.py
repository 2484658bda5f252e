"""Questions to a lake: one (`one`), a conversation (`conversation`), thousands (`batch`)."""
