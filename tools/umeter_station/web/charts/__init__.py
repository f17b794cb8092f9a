"""Charts: columns of integers over time, down-sampled here and drawn by the browser."""
