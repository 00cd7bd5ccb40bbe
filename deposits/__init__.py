"""The product: how a deposit is accepted, charged, credited, shown and explained."""
