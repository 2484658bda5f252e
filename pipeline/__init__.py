"""Puts steps together and runs them: sources, plan, engines, store, queries, commands."""
