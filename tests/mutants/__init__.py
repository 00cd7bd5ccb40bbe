"""Do the tests notice when a safety is missing? `make mutants` removes them one by one."""
