"""Who is there: accounts, their sign-in sessions and their API tokens."""
