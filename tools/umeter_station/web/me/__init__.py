"""What people change about their own sign-in: password, one-time codes, sessions."""
