"""The back office's pages about people, partners, money and the audit trail."""

from accounts.admin import api_keys, audit_trail, ledger_pages, partners, sign_ins, users

__all__ = ["api_keys", "audit_trail", "ledger_pages", "partners", "sign_ins", "users"]
