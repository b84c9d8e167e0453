"""Marked places of documents, filled with tables, pictures and values from files of results."""
