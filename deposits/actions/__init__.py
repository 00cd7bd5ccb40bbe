"""What can be done with a deposit: one file per deed."""
