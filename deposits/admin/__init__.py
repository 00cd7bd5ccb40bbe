"""The back office's pages about deposits: everything to be seen of each, and nothing to be changed."""

from deposits.admin import breakers, deposit_pages, inbox, limit_usage, player_pages

__all__ = ["breakers", "deposit_pages", "inbox", "limit_usage", "player_pages"]
