"""Who may do what at the station, and what they did."""
