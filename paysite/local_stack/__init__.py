"""Everything that `make run` and `make test` bring with them: a PostgreSQL, a Valkey, and all of Paysite's processes.

Production uses none of it: there DATABASE_URL and REDIS_URL name real servers, and units or pods run the processes.
"""
