"""REST, version 1: how partners take deposits and learn the truth about each of them."""
