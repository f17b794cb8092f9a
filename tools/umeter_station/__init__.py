"""The master station: reads meters, sells credit, orders, and keeps the books."""
