"""Sandbox Bank: the part of the sandbox that plays a bank over UK Open Banking payment initiation 4.0.

It serves an origin of its own: the protocol below `/{bank_id}/`, and the page on which a customer approves.
"""
