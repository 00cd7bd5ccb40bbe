"""Sandbox Mobile: a program of its own that plays a phone carrier over CAMARA Carrier Billing 0.5.

Run with `python -m carriers.sandbox`. The product never imports it, and it imports nothing of the product.
"""
