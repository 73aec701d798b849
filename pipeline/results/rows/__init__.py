"""The two Parquet tables: their rows, their traces, their files."""
