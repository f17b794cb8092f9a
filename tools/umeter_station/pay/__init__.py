"""Ways to pay other than cash: providers, banks, the telephone."""
