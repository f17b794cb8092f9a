"""The tables of the desk, beside those of models.py."""
