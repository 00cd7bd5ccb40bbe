"""Carriers' settlement files: taken in as they came, compared with what we have, each difference a case."""
