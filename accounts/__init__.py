"""People and their money: players, staff, partners and their keys, the ledger, the audit trail."""
