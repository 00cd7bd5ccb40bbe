"""`make bench`: deposits per second from POST to credited, beside what the bare SQL reaches on the same PostgreSQL."""
