"""Many meters at once: reading, setting, and what Home Assistant sees of them."""
