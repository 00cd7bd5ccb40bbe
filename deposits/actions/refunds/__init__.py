"""What can be done about refunds: request, approve, send, ask, settle. The same workers do it."""
