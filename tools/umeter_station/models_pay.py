"""The tables of payments, beside those of models.py."""
