"""The deploy tools: from a board file to a running meter."""
