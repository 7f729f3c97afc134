"""Several processes that train one model: who reads what, weights in shards, and files of shards."""
