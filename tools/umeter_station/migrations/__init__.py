"""The schema's history; `db.open_database` brings a database up to date by itself."""
