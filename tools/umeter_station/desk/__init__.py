"""The vending desk: quotes, sales, receipts, shifts, agents, refunds, reconciliation."""
