"""The tables of findings, beside those of models.py."""
