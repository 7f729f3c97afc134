"""The command line: each verb a thin call of one library function."""
