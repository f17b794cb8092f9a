"""The tables of operators, tenants and what they did, beside those of models.py."""
