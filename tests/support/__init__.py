"""What many tests use: servers started for real, adapters written by the real libraries."""
