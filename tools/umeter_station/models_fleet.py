"""The tables of what is done with many meters, beside those of models.py."""
