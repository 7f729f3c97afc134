"""Parquet files of any kind: read whole or marked as what they are, once their headers are known to be sound."""
