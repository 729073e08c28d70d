"""Xet ingest: files that clients cut into chunks are put together again and become plain blobs."""
