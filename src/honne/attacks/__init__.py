"""Attacks: pure functions that put a request in another way. Generic wrapping only; nothing here asks for anything."""
