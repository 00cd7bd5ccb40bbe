"""The outside world: one adapter per protocol, outcomes as types, decline reasons, HTTP."""
